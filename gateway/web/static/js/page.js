// Starts the GOV.UK components of a page. Everything works without it; this makes it more comfortable.
import { initAll } from "../vendor/govuk/govuk-frontend.min.js";

initAll();
