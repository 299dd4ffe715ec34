// Whose signatures a log's checkpoints need: its keys, its witnesses and their quorum (c2sp.org/tlog-policy). Pure.

const NOBODY = "none";
// With more witnesses than this two policies are compared by their text: all ways to be signed are tried otherwise.
const MOST_TRIED = 14;

/** Reads a policy file; gives {logs: [vkey], witnesses: Map of name to vkey, groups: Map of name to {least, members}, quorum}. */
export function readPolicy(file) {
  const policy = { logs: [], witnesses: new Map(), groups: new Map(), quorum: undefined };
  for (const line of file.split("\n")) {
    const words = line.split(/[ \t]+/).filter(Boolean);
    if (words.length > 0 && !words[0].startsWith("#")) {
      readLine(policy, words);
    }
  }
  if (policy.quorum === undefined) {
    throw new Error("the policy names no quorum");
  }
  return policy;
}

function readLine(policy, [what, ...words]) {
  const [name, value, ...members] = words;
  const { logs, witnesses, groups } = policy;
  const isTaken = name === NOBODY || witnesses.has(name) || groups.has(name);
  if (what === "log" && name) {
    logs.push(name);
  } else if (what === "witness" && value && !isTaken && ![...witnesses.values()].includes(value)) {
    witnesses.set(name, value);
  } else if (what === "group" && members.length > 0 && !isTaken && areFree(policy, members)) {
    groups.set(name, { least: leastOf(value, members.length), members });
  } else if (what === "quorum" && words.length === 1 && policy.quorum === undefined && isTaken) {
    policy.quorum = name;
  } else {
    throw new Error("a line of the policy isn't understood");
  }
}

// A witness in two groups, or twice in one, would count twice.
function areFree({ witnesses, groups }, members) {
  const taken = [...groups.values()].flatMap((group) => group.members);
  const isFree = (name) => (witnesses.has(name) || groups.has(name)) && !taken.includes(name);
  return new Set(members).size === members.length && members.every(isFree);
}

function leastOf(value, count) {
  const number = /^[1-9][0-9]{0,4}$/.test(value) ? Number(value) : 0;
  const least = value === "any" ? 1 : value === "all" ? count : number;
  if (least < 1 || least > count) {
    throw new Error("a group of the policy asks for more members than it has, or for none");
  }
  return least;
}

export const asksNobody = ({ quorum }) => quorum === NOBODY;

/** Whether these witnesses, a Set of names, are the quorum. */
export const isMetBy = (policy, names) => asksNobody(policy) || isThere(policy, policy.quorum, names);

function isThere(policy, name, names) {
  const group = policy.groups.get(name);
  if (!group) {
    return names.has(name);
  }
  return group.members.filter((member) => isThere(policy, member, names)).length >= group.least;
}

/** Whether `shown` could be met by witnesses whose keys don't meet `kept`. Names don't count, a swapped key does. */
export function isWeaker(shown, kept) {
  if (asksNobody(kept) || asksNobody(shown)) {
    return !asksNobody(kept);
  }
  const asked = [...shown.witnesses.keys()];
  if (asked.length > MOST_TRIED) {
    return textOf(shown) !== textOf(kept);
  }
  return Array.from({ length: 2 ** asked.length }, (_, chosen) => asked.filter((_name, at) => (chosen >> at) & 1)).some(
    (names) => isMetBy(shown, new Set(names)) && !isMetBy(kept, namesOf(kept, names.map((name) => shown.witnesses.get(name)))),
  );
}

const namesOf = ({ witnesses }, keys) =>
  new Set([...witnesses].filter(([, vkey]) => keys.includes(vkey)).map(([name]) => name));

/** The policy without the log's keys, in one spelling. */
export const textOf = ({ witnesses, groups, quorum }) =>
  [
    ...[...witnesses].map(([name, vkey]) => `witness ${name} ${vkey}`),
    ...[...groups].map(([name, { least, members }]) => `group ${name} ${least} ${members.join(" ")}`),
    `quorum ${quorum}`,
    "",
  ].join("\n");

/** What a witness calls itself. */
export const nameOf = (vkey) => vkey.split("+")[0];

/** The quorum for people, by what the witnesses call themselves. */
export const inWords = (policy) => (asksNobody(policy) ? "no witness" : told(policy, policy.quorum));

function told(policy, name) {
  const group = policy.groups.get(name);
  if (!group) {
    return nameOf(policy.witnesses.get(name));
  }
  const members = group.members.map((member) => (policy.groups.has(member) ? `(${told(policy, member)})` : told(policy, member)));
  return group.least === members.length ? members.join(" and ") : `${group.least} of ${members.join(", ")}`;
}
