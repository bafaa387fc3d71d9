#!/usr/bin/env python3
"""Measures how far our task words equal those that Apple's compiler emitted, and writes docs/parity.md of it.

    scripts/write_parity.py [--bin build] [--evidence DIR] [-o docs/parity.md]

The figures come from the evidence folder's own tools/parity.py, so that the page says what anybody can measure again. Every
case that is not exact is compiled once more here to name the words that differ; hwxdump's register table gives the names.
What is known about a difference stands in scripts/parity_notes.json, by case; a case without a note is called "not explained",
and notes on cases that have become exact are reported. The page has no date and does not depend on the machine: two runs over
the same program and evidence write the same bytes.
"""
import argparse, collections, csv, hashlib, json, os, re, subprocess, sys, tempfile, textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
VERDICTS = ["exact", "close", "differs", "structure", "refused", "failed", "left out"]
# Phrases by which the recorders mark a section hash that they computed by a packing formula (src/oracle/case.cc goes by the same
# ones).
COMPUTED = ("sha derived", "sha256 derived", "const hash derived", "constant section derived")


class Trouble(Exception):
    """What the user is told in one line."""


# ---------------------------------------------------------------- words

class Words:
    """A program in the form of the .oracle files, which is also that of hwxdump --words."""

    def __init__(self, text):
        self.lines, self.tasks = {}, []  # lines by keyword; a task is {place: word}
        for line in text.splitlines():
            key, _, rest = line.strip().partition(" ")
            if line.startswith("  h "):
                self.tasks[-1].update((("header", i), int(word, 16)) for i, word in enumerate(rest.split()))
            elif line.startswith("  @"):
                self.tasks[-1].update((("register", int(key[1:], 16) + 4 * i), int(word, 16))
                                      for i, word in enumerate(rest.split()))
            elif key == "task":
                self.tasks.append({})
            elif key:
                self.lines[key] = rest

    def constant(self, key):
        found = re.search(rf"\b{key}=(\S+)", self.lines.get("const", ""))
        return found.group(1) if found else ""

    def section_hash(self):
        """'' where the record does not say."""
        value = self.constant("sha256")
        return value if re.fullmatch("[0-9a-f]{64}", value) and set(value) != {"0"} else ""

    def hash_kind(self):
        """Where the section's hash comes from: 'none', 'zeros', 'computed' or 'captured'."""
        value, size = self.section_hash(), self.constant("size")
        if not value:
            return "none"
        if size.isdigit() and hashlib.sha256(bytes(int(size))).hexdigest() == value:
            return "zeros"
        return "computed" if any(mark in self.lines.get("weights", "") for mark in COMPUTED) else "captured"


class RegisterNames:
    """Names of words and fields, from the tables that `hwxdump --registers` prints."""

    def __init__(self, markdown):
        self.registers, self.fields = {}, collections.defaultdict(list)  # a field is (low, width, name)
        for line in markdown.splitlines():
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if re.fullmatch(r"\d+", cells[0]) and len(cells) >= 3:
                self._add(("header", int(cells[0])), f"header word {cells[0]}", cells[1], cells[2])
            elif re.fullmatch(r"0x[0-9a-f]{5}", cells[0]) and len(cells) >= 4:
                self._add(("register", int(cells[0], 16)), cells[1], cells[2], cells[3])

    def _add(self, place, name, bits, field):
        self.registers.setdefault(place, name)
        if re.fullmatch(r"\d+(:\d+)?", bits):
            high, _, low = bits.partition(":")
            low = int(low or high)
            self.fields[place].append((low, int(high) - low + 1, field))

    def name(self, place):
        kind, number = place
        known = self.registers.get(place)
        return known if kind == "header" and known else f"{number:05x} {known or 'no known register'}"

    def differing_fields(self, place, theirs, ours):
        """[(field, their value, our value)]; bits of no field are called unknown."""
        rows, left = [], theirs ^ ours
        for low, width, field in self.fields[place]:
            mask = ((1 << width) - 1) << low
            if left & mask:
                rows.append((field, (theirs & mask) >> low, (ours & mask) >> low))
                left &= ~mask
        return rows + ([(f"unknown bits {left:08x}", theirs & left, ours & left)] if left else [])


def differences(theirs, ours, names):
    """Rows (task, register, their word, our word, fields) for programs with the same tasks and records."""
    rows = []
    for task, (a, b) in enumerate(zip(theirs, ours)):
        for place in sorted(a.keys() | b.keys()):
            x, y = a.get(place, 0), b.get(place, 0)
            if x != y:
                fields = "; ".join(f"{field} {p:#x} / {q:#x}" for field, p, q in names.differing_fields(place, x, y))
                rows.append((task, names.name(place), f"{x:08x}", f"{y:08x}", fields))
    return rows


# ---------------------------------------------------------------- measuring

def output_of(command, may_fail=False):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 and not may_fail:
        raise Trouble(f"{' '.join(command)}: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
    return done


def read_measurement(lines):
    """[(case, verdict, words that differ, 'equal', 'different' or '')] of a table by parity.py --csv."""
    rows = [tuple(row) for row in csv.reader(lines) if row]
    for row in rows:
        if len(row) != 4 or row[1] not in VERDICTS or row[3] not in ("equal", "different", ""):
            raise Trouble(f"the measurement has a line that is not understood: {','.join(row)}")
    return sorted(rows)


class Measurement:
    def __init__(self, binaries, evidence, scratch):
        self.binaries, self.scratch = binaries, scratch
        self.oracles, self.tools = os.path.join(evidence, "oracles", "h13"), os.path.join(evidence, "tools")
        for path in (self.oracles, os.path.join(self.tools, "parity.py")):
            if not os.path.exists(path):
                raise Trouble(f"{path} is not there; give the evidence folder with --evidence or ANE_EVIDENCE")
        for name in ("coreml2hwx", "hwxdump", "hwxoracle"):
            if not os.path.exists(os.path.join(binaries, name)):
                raise Trouble(f"{binaries} has no {name}; build the project or give its folder with --bin")

    def run(self):
        table = os.path.join(self.scratch, "parity.csv")
        output_of([sys.executable, os.path.join(self.tools, "parity.py"), "--bin", self.binaries,
                   "--oracles", self.oracles, "--csv", table])
        with open(table) as lines:
            return read_measurement(lines)

    def captured(self, case):
        with open(os.path.join(self.oracles, case + ".oracle")) as file:
            return Words(file.read())

    def names(self):
        return RegisterNames(output_of([os.path.join(self.binaries, "hwxdump"), "--registers"]).stdout)

    def compiled(self, case):
        """(words, lines that name the tasks) of what we make of a case, or the reason for none."""
        output_of([sys.executable, os.path.join(self.tools, "oracle_cases.py"), "--oracles", self.oracles,
                   "--out", self.scratch, "--filter", case])
        source = os.path.join(self.scratch, case, case + ".mil")
        out = os.path.join(self.scratch, case, "out")
        done = output_of([os.path.join(self.binaries, "coreml2hwx"), source, "--compat", "9.509", "-o", out], True)
        if done.returncode != 0:
            reason = [line for line in done.stderr.splitlines() if "error:" in line] or ["no message"]
            return None, reason[-1].split("error:")[-1].replace(source + ":", "").strip()
        program = os.path.join(out, "model.hwx")
        return Words(output_of([os.path.join(self.binaries, "hwxdump"), "--words", program]).stdout), self.tasks(program)

    def tasks(self, program):
        """The lines by which hwxdump names the tasks of a program."""
        return re.findall(r"^task .*$", output_of([os.path.join(self.binaries, "hwxdump"), program]).stdout, re.M)

    def captured_tasks(self, case):
        """The same of the captured words; hwxoracle makes a program of them."""
        program = os.path.join(self.scratch, case + ".hwx")
        output_of([os.path.join(self.binaries, "hwxoracle"), os.path.join(self.oracles, case + ".oracle"), "-o", program])
        return self.tasks(program)


# ---------------------------------------------------------------- the page

def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]


def paragraph(text):
    return textwrap.wrap(text, 118, break_long_words=False, break_on_hyphens=False)


def family_table(measured):
    count = collections.defaultdict(collections.Counter)
    for case, verdict, _, _ in measured:
        count[case.split("_")[0]][verdict] += 1
    total = sum(count.values(), collections.Counter())
    rows = [[family] + [count[family][v] or "" for v in VERDICTS] for family in sorted(count)]
    return table(["family"] + VERDICTS, rows + [["all"] + [total[v] or 0 for v in VERDICTS]])


def section_text(measured, kinds):
    """The constant sections, by where their hash comes from. `kinds`: hash_kind by case."""
    words = {"captured": "taken from Apple's section", "computed": "computed by the recorders from a packing formula",
             "zeros": "that of a section of zeros, in which nothing is packed"}
    rows = []
    for kind, text in words.items():
        verdicts = collections.Counter(row[3] for row in measured if kinds[row[0]] == kind)
        rows.append([text, sum(verdicts.values()), verdicts["equal"], verdicts["different"], verdicts[""]])
    lines = table(["the hash is", "cases", "ours equal", "ours different", "not compared"], rows)
    lines += ["", *paragraph("Only the first kind is evidence of how Apple packs constants. A computed hash says that our packing "
                             "agrees with the recorders' reading of it. Not compared: cases that are refused or left out. "
                             f"{sum(kind == 'none' for kind in kinds.values())} cases have no hash.")]
    for kind in ("captured", "computed"):
        named = collections.defaultdict(list)
        for case, verdict, _, _ in measured:
            if kinds[case] == kind:
                named[case.split("_")[0]].append(case)
        lines += ["", f"Hash {words[kind]}:", ""]
        for family in sorted(named):
            lines += [line if i == 0 else "  " + line for i, line in
                      enumerate(textwrap.wrap(f"- {family} ({len(named[family])}): {', '.join(named[family])}", 116,
                                              break_long_words=False, break_on_hyphens=False))]
    return lines


def note_text(case, notes):
    return paragraph(f"Known: {notes[case]}" if case in notes else "Not explained.")


def case_text(measurement, names, case, verdict, section, notes):
    lines = [f"### {case}", ""]
    theirs = measurement.captured(case)
    ours, about = measurement.compiled(case)
    if ours is None:
        lines += paragraph(f"{verdict}: {about}") + ["", "Apple's:", ""]
        lines += [*("    " + line for line in measurement.captured_tasks(case)), ""]
    elif verdict == "structure":
        lines += [f"structure: {len(theirs.tasks)} tasks by Apple, {len(ours.tasks)} by us. Apple's:", ""]
        lines += [*("    " + line for line in measurement.captured_tasks(case)), "", "Ours:", ""]
        lines += [*("    " + line for line in about), ""]
    elif verdict in ("differs", "close"):
        rows = differences(theirs.tasks, ours.tasks, names)
        lines += [f"{verdict}: {len(rows)} of {sum(map(len, theirs.tasks))} words, in {len({r[0] for r in rows})} of "
                  f"{len(theirs.tasks)} tasks. Tasks as we emit them:", ""]
        lines += [*("    " + about[task] for task in sorted({row[0] for row in rows})), ""]
        lines += [*table(["task", "word", "Apple's", "ours", "fields (Apple's / ours)"], rows), ""]
    if section == "different":
        lines += paragraph(f"The constant section differs: {theirs.constant('size')} bytes by Apple, "
                           f"{ours.constant('size')} by us; the recorded hash is {theirs.hash_kind()}.") + [""]
    return lines + note_text(case, notes) + [""]


HEAD = """# Parity with Apple's compiler, word for word

Written by `scripts/write_parity.py`; run it again after every change that could move a word. It needs a build and the evidence
folder (docs/evidence.md):

    ANE_EVIDENCE=/path/to/evidence scripts/write_parity.py --bin build

What is measured: each captured case (`oracles/h13/*.oracle`, Apple's compiler 9.509) is written as an ML Program with the
recorded constants, compiled with `coreml2hwx CASE.mil --compat 9.509`, and the task words of `hwxdump --words` are set against
the captured ones. The figures are those of the evidence folder's `tools/parity.py --bin build --csv FILE`.

- exact: every word of every task is equal
- close: equal but for the time estimate and the debug masks
- differs: the same tasks and records, some words differ
- structure: another number of tasks, or other records
- refused: a clear message instead of a program; failed: anything else
- left out: the capture does not hold the source program
"""


def page(measurement, measured, notes):
    names = measurement.names()
    kinds = {case: measurement.captured(case).hash_kind() for case, *_ in measured}
    counted = [row for row in measured if row[1] != "left out"]
    exact = sum(row[1] == "exact" for row in counted)
    lines = [HEAD, f"## By family: {exact} of {len(counted)} exact", "", *family_table(measured), ""]
    lines += ["## Constant sections", "", *section_text(measured, kinds), ""]
    lines += ["## Every case that is not exact", ""]
    for case, verdict, _, section in measured:
        if verdict not in ("exact", "left out") or section == "different":
            lines += case_text(measurement, names, case, verdict, section, notes)
    left = [row[0] for row in measured if row[1] == "left out"]
    lines += ["## Left out", "", *paragraph("The captures of these hold no program text, so there is nothing to compile; the "
                                            f"simulator runs their words all the same: {', '.join(left) or 'none'}."), ""]
    return "\n".join(lines)


def stale_notes(measured, notes):
    open_cases = {case for case, verdict, _, section in measured if verdict != "exact" or section == "different"}
    return sorted(set(notes) - open_cases)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(HERE, "..", "build"), help="folder of the built programs")
    parser.add_argument("--evidence", default=os.environ.get("ANE_EVIDENCE", os.path.join(HERE, "..", "..", "shared")),
                        help="the evidence folder (default: ANE_EVIDENCE, or shared beside the source tree)")
    parser.add_argument("-o", "--output", default=os.path.join(HERE, "..", "docs", "parity.md"))
    arguments = parser.parse_args()
    try:
        with open(os.path.join(HERE, "parity_notes.json")) as file:
            notes = json.load(file)
        with tempfile.TemporaryDirectory(prefix="parity-") as scratch:
            measurement = Measurement(arguments.bin, arguments.evidence, scratch)
            measured = measurement.run()
            text = page(measurement, measured, notes)
        with open(arguments.output, "w") as file:
            file.write(text)
    except (Trouble, OSError, ValueError) as why:
        print(f"error: {why}", file=sys.stderr)
        return 1
    for case in stale_notes(measured, notes):
        print(f"note on {case} is not needed any more: remove it from parity_notes.json", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
