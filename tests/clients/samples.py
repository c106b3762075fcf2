"""Messages that a careless server spoils: {name: octets with CRLF line ends}."""
import base64
import random

from mailhost import letter

LINE_OCTETS_MAX = 998  # RFC 5322 section 2.1.1


def base64_lines(octets):
    text = base64.b64encode(octets)
    return b"".join(text[at:at + 76] + b"\r\n" for at in range(0, len(text), 76))


def attachment(octets):
    head = letter("attachment", b"").replace(
        b"\r\n\r\n", b"\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_part\"\r\n\r\n")
    return (head + b"--=_part\r\nContent-Type: text/plain\r\n\r\nSee the attachment.\r\n"
            b"--=_part\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
            base64_lines(octets) + b"--=_part--\r\n")


def samples():
    latin = "Gr\u00fc\u00dfe, \u00e9t\u00e9\r\n".encode("latin-1") + bytes(range(128, 256)) + b"\r\n"
    return {
        "text": letter("text", "Hello Bob,\r\n\r\nthree lines\r\n\tand a tab\r\n"),
        "an empty body": letter("empty", b""),
        "8-bit": letter("8-bit", "Gr\u00fc\u00dfe \u20ac \u65e5\u672c\r\n".encode() + latin),
        "lines of 998 octets": letter("long", b"".join(bytes([97 + n]) * LINE_OCTETS_MAX + b"\r\n" for n in range(26))),
        "longer lines": letter("longer", b"x" * 3000 + b"\r\n" + b"y" * 70000 + b"\r\nend\r\n"),
        "dots at line starts": letter("dots", ".\r\n..\r\n...\r\n. a\r\n.b\r\n\r\n.\r\n"),
        "From lines": letter("from", "From here on\r\n>From there\r\n\r\nFrom x@y Thu Jan  1 00:00:00 1970\r\n"),
        "blanks at line ends": letter("blanks", "a \r\nb\t\r\n \r\n\r\n\r\n"),
    }


def large():
    """An attachment of 20 MB."""
    return attachment(random.Random(2).randbytes(20_000_000))
