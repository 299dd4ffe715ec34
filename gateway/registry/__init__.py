"""The register: partnerships, agencies, people and posts, arrangements, cases, subjects and walls."""
