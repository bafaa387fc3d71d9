#!/usr/bin/env python3
"""scripts/write_parity.py on a made-up measurement: what it reads, names and counts. Needs neither evidence nor a build."""
import hashlib, os, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))
import write_parity  # noqa: E402

REGISTERS = """| word | bits | field | meaning | known from |
|---|---|---|---|---|
| 1 | 15:0 | ExeCycles | cost estimate | words |

| address | register | bits | field | meaning | known from |
|---|---|---|---|---|---|
| 0x00034 | Cfg | 1:0 | Op | one \\| two | words |
| 0x00034 | Cfg | 4 | On | | words |
"""


def words(header, cfg, const="size=4 sha256=" + "0" * 64, weights="none"):
    return write_parity.Words(f"case x\nweights {weights}\nconst {const}\ntask 0 bytes=8\n"
                              f"  h 00000000 {header:08x}\n  @00030 00000007 {cfg:08x}\n")


class Differences(unittest.TestCase):
    def test_words_are_named_by_register_and_field(self):
        names = write_parity.RegisterNames(REGISTERS)
        rows = write_parity.differences(words(5, 0x13).tasks, words(6, 0x80000002).tasks, names)
        self.assertEqual(rows, [
            (0, "header word 1", "00000005", "00000006", "ExeCycles 0x5 / 0x6"),
            (0, "00034 Cfg", "00000013", "80000002",
             "Op 0x3 / 0x2; On 0x1 / 0x0; unknown bits 80000000 0x0 / 0x80000000")])

    def test_equal_words_give_nothing(self):
        names = write_parity.RegisterNames(REGISTERS)
        self.assertEqual(write_parity.differences(words(5, 1).tasks, words(5, 1).tasks, names), [])

    def test_register_without_a_name(self):
        self.assertEqual(write_parity.RegisterNames("").name(("register", 0x34)), "00034 no known register")


class Hashes(unittest.TestCase):
    def test_kinds(self):
        some, zeros = "ab" * 32, hashlib.sha256(bytes(4)).hexdigest()
        kind = lambda *args: words(0, 0, *args).hash_kind()
        self.assertEqual(kind(f"size=4 sha256={'0' * 64}"), "none")
        self.assertEqual(kind("size=4 sha256=unrecorded"), "none")
        self.assertEqual(kind(f"size=4 sha256={zeros}"), "zeros")
        self.assertEqual(kind(f"size=4 sha256={some}"), "captured")
        self.assertEqual(kind(f"size=4 sha256={some}", "words from a table, text/const/tensor/sha derived"), "computed")


class Tables(unittest.TestCase):
    def test_families_are_counted(self):
        measured = write_parity.read_measurement(["conv_b,differs,3,equal\n", "conv_a,exact,0,\n", "norm_a,left out,1,\n"])
        self.assertEqual([row[0] for row in measured], ["conv_a", "conv_b", "norm_a"])
        table = write_parity.family_table(measured)
        self.assertEqual(table[2:], ["| conv | 1 |  | 1 |  |  |  |  |", "| norm |  |  |  |  |  |  | 1 |",
                                     "| all | 1 | 0 | 1 | 0 | 0 | 0 | 1 |"])

    def test_cases_without_a_note_are_called_unexplained(self):
        self.assertEqual(write_parity.note_text("a", {}), ["Not explained."])
        self.assertEqual(write_parity.note_text("a", {"a": "why"}), ["Known: why"])

    def test_notes_on_exact_cases_are_reported(self):
        measured = [("a", "exact", "0", "equal"), ("b", "differs", "1", ""), ("c", "exact", "0", "different")]
        self.assertEqual(write_parity.stale_notes(measured, {"a": "", "b": "", "c": "", "gone": ""}), ["a", "gone"])

    def test_bad_measurement(self):
        for line in ("a,exact,0", "a,perfect,0,", "a,exact,0,maybe"):
            with self.assertRaises(write_parity.Trouble):
                write_parity.read_measurement([line])


class Refusals(unittest.TestCase):
    def test_absent_evidence_is_named(self):
        with self.assertRaisesRegex(write_parity.Trouble, "ANE_EVIDENCE"):
            write_parity.Measurement("/nonexistent", "/nonexistent", "/nonexistent")


if __name__ == "__main__":
    unittest.main()
