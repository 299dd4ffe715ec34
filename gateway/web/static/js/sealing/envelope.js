// What is inside a parcel: one line of JSON, the items one after the other, padding. The same as gateway/sealing/envelope.py.

import { concat, hex, sha256, text, utf8 } from "./bytes.js";

const FORMAT = "disclosure-gateway parcel";
const VERSION = 1;
const NEWLINE = 10;
const BUCKETS = Array.from({ length: 8 }, (_, step) => 1024 * 4 ** step);

/** Gives {parcel, line, marks, items: [{name, type, data, text}]}; throws when it isn't a parcel or an item was altered. */
export async function unpack(packed) {
  const end = packed.indexOf(NEWLINE);
  const contents = end < 0 ? {} : JSON.parse(text(packed.subarray(0, end)));
  if (contents.format !== FORMAT || contents.v !== VERSION) {
    throw new Error("this is not the content of a parcel of this gateway");
  }
  const items = [];
  let at = end + 1;
  for (const entry of contents.items) {
    const data = packed.slice(at, at + entry.length);
    const rendition = packed.subarray(at + entry.length, at + entry.length + entry.text_length);
    at += entry.length + entry.text_length;
    if (hex(await sha256(data)) !== entry.sha256) {
      throw new Error("an item of the parcel is not what its table of contents says");
    }
    items.push({ name: entry.name, type: entry.type, data, text: text(rendition) });
  }
  return { parcel: contents.parcel, line: contents.line, marks: contents.marks, items };
}

/** Gives the padded bytes of {parcel, line, marks, items}; throws above 16 MB. */
export async function pack({ parcel, line, marks, items }) {
  const bodies = items.map((item) => ({ ...item, rendition: utf8(item.text) }));
  const entries = await Promise.all(
    bodies.map(async ({ name, type, data, rendition }) => ({
      name,
      type,
      length: data.length,
      sha256: hex(await sha256(data)),
      text_length: rendition.length,
    })),
  );
  const contents = utf8(`${JSON.stringify({ format: FORMAT, v: VERSION, parcel, line, marks, items: entries })}\n`);
  const body = concat(contents, ...bodies.flatMap(({ data, rendition }) => [data, rendition]));
  const bucket = BUCKETS.find((size) => body.length <= size);
  if (!bucket) {
    throw new Error("this is too large for one parcel");
  }
  return concat(body, new Uint8Array(bucket - body.length));
}
