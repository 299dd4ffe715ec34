// Shows the items of an opened parcel: text, PDF as pictures of its pages, pictures, and anything else as its text.

import { text } from "./bytes.js";
import { element } from "./parts.js";

const VENDOR = new URL("../../vendor/pdfjs/", import.meta.url);
const WIDTH = 1400;
const MOST_PAGES = 200;

/** Fills `root` with the items; gives a function that removes them and lets go of their memory. */
export async function show(root, items) {
  const urls = [];
  for (const item of items) {
    const section = element("section", "app-opened__item");
    section.append(element("h3", "govuk-heading-s", item.name));
    root.append(section);
    await showItem(section, item, urls);
  }
  return () => {
    root.replaceChildren();
    urls.forEach((url) => URL.revokeObjectURL(url));
  };
}

async function showItem(section, item, urls) {
  if (item.type.startsWith("text/plain")) {
    section.append(element("div", "govuk-body app-opened__text", text(item.data)));
  } else if (item.type === "image/jpeg" || item.type === "image/png") {
    section.append(picture(item, urls));
  } else if (item.type === "application/pdf") {
    await showPages(section, item);
  } else {
    showOther(section, item, urls);
  }
}

function picture(item, urls) {
  const image = element("img", "app-opened__picture");
  image.alt = item.text || "A picture without a description";
  image.src = urlOf(item, urls);
  return image;
}

function showOther(section, item, urls) {
  const link = element("a", "govuk-link", `Save ${item.name} on this device`);
  link.href = urlOf(item, urls);
  link.download = item.name;
  const words = "What follows is its text. The document itself is saved only if you choose to.";
  const paragraph = element("p", "govuk-body");
  paragraph.append(link);
  section.append(element("p", "govuk-body", words), paragraph, element("div", "govuk-body app-opened__text", item.text));
}

function urlOf(item, urls) {
  const url = URL.createObjectURL(new Blob([item.data], { type: item.type }));
  urls.push(url);
  return url;
}

async function showPages(section, item) {
  const { getDocument, GlobalWorkerOptions } = await import("../../vendor/pdfjs/pdf.min.mjs");
  GlobalWorkerOptions.workerPort ??= new Worker(workerUrl(), { type: "module" });
  const reading = getDocument({
    data: item.data,
    disableFontFace: true,
    enableXfa: false,
    isEvalSupported: false,
    standardFontDataUrl: new URL("fonts/", VENDOR).href,
    useSystemFonts: false,
    useWasm: false,
    wasmUrl: new URL("wasm/", VENDOR).href,
  });
  const document_ = await reading.promise;
  const count = Math.min(document_.numPages, MOST_PAGES);
  for (let number = 1; number <= count; number += 1) {
    await showPage(section, await document_.getPage(number), number, document_.numPages);
  }
  await reading.destroy();
}

async function showPage(section, page, number, pages) {
  const viewport = page.getViewport({ scale: WIDTH / page.getViewport({ scale: 1 }).width });
  const canvas = element("canvas", "app-opened__page");
  canvas.width = Math.floor(viewport.width);
  canvas.height = Math.floor(viewport.height);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Page ${number} of ${pages}; its text follows`);
  section.append(canvas);
  await page.render({ canvas, viewport }).promise;
  const { items } = await page.getTextContent();
  const words = items.map((piece) => piece.str + (piece.hasEOL ? "\n" : "")).join("");
  const details = element("details", "govuk-details");
  const summary = element("summary", "govuk-details__summary");
  summary.append(element("span", "govuk-details__summary-text", `Text of page ${number}`));
  details.append(summary, element("div", "govuk-details__text govuk-body app-opened__text", words || "This page holds no text."));
  section.append(details);
}

// Where Trusted Types are enforced the page must allow a policy of this name; it lets this one address through.
function workerUrl() {
  const address = new URL("pdf.worker.min.mjs", VENDOR).href;
  const policy = globalThis.trustedTypes?.createPolicy("gateway-worker", { createScriptURL: () => address });
  return policy ? policy.createScriptURL("") : address;
}
