"""Makes messages such as no program should send: broken fields, addresses, types, encodings and boundaries, within each other."""

ADDRESSES = ["a@b", "A <a@b>", '"x\\"y" <a@b>', "g:;", "g: a@b, c@d;", "g: a@b", "<@r,@s:a@b>", "", "(c)", "nobody", "\u00e4 <\u00f6@\u00fc>",
             "=?utf-8?q?x?= <a@b>", ",,,", "<", ">", "a@b (c (d))", "a.b. c@d", '"unclosed', "x:y:z@;;", "a@[1]", "<<a@b>>", "\0a@b", ": ;", "@"]
TEXTS = ["", " ", "x", "x" * 1200, "a\n b", "a\n\tb", "\u00fc", '"\\"', "a\rb", "a\0b", "\n x"]
TYPES = ["text/plain", "text/html", "application/x", "TEXT", "", "a/b/c", "image/*", "message/rfc822", "message/global", "message/rfc822",
         "multipart/mixed", "multipart/digest", "multipart/alternative", "message/partial", "multipart", "text/", "/x", None, None]
PARAMETERS = ["", "; charset=utf-8", "; charset=", "; name*0=a; name*1=b", "; name*=utf-8''%C3%A4", "; name*0*=x''%41; name*1=b", "; x", "; =", ";;",
              '; x="a\\"b', "; X=(c)y", '; name="\u00e4"', "; boundary=", "; a=b c d", "; name*1=b", "; *=x; *0=y", "; a\0b=c"]
TRANSFER = [None, None, None, "7bit", "8bit", "binary", "base64", "quoted-printable", "x-own", "BASE64 (c)", "base64;", "", '"base64"', "7bit, 8bit"]
MIME_FIELDS = {"Content-ID": ["<a@b>", "", "\u00e4"], "Content-Description": ["x", "", "a\n b", '"q"'], "Content-MD5": ["abc", ""],
               "Content-Disposition": ["inline", "attachment; filename=x", "", "; filename=y", "x; y", "(c)", '"a"'],
               "Content-Language": ["en", "en, de", "", ",,", "(c)", '"en"'], "Content-Location": ["http://x/\n y", ""]}
BODIES = ["", "x", "x\n", "line\nline\n", "\n", "\n\n", "a\rb\n", "\u00e4\n", "a\0b\n", "YWJj\n", "YQpi\n", "Y Q==\nYWI", "a=0Ab=3D=\nc =20 \n=ZZ", "=", "--\n",
          "-a\n", "x" * 3000 + "\n", "\r\r\n", "\r"]


def header_fields(chance):
    fields = []
    for name in chance.sample(["Date", "Subject", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "In-Reply-To", "Message-ID", "from", "SUBJECT"],
                              chance.randrange(8)):
        has_addresses = name.lower() in ("from", "sender", "reply-to", "to", "cc", "bcc")
        value = ", ".join(chance.choice(ADDRESSES) for _ in range(chance.randrange(4))) if has_addresses else chance.choice(TEXTS)
        fields.append(name + chance.choice([":", ": ", " : ", ":\t"]) + value + "\n")
    if chance.random() < 0.1:
        fields.insert(chance.randrange(len(fields) + 1), chance.choice(["no field\n", " folded\n", ":x\n", "From x y\n", "\0\n", "\r\n"]))
    return fields


def entity(chance, outer=()):
    """A message or part within multiparts of these boundaries, with LF line ends."""
    kind, encoding = chance.choice(TYPES), chance.choice(TRANSFER)
    if len(outer) > 4:
        kind = "text/plain"
    fields = header_fields(chance)
    boundary = None
    parameters = chance.choice(PARAMETERS)
    if kind and kind.startswith("multipart/") and chance.random() < 0.93:
        boundary = chance.choice(["a", "ab", "a b", "x'y", *outer, *(one + "c" for one in outer)])
        parameters += f'; boundary="{boundary}"' + chance.choice(PARAMETERS)
    if kind is not None:
        fields.append("Content-Type:" + chance.choice([" ", "", " (c) ", "\n "]) + kind + parameters + "\n")
    if encoding is not None:
        fields.append(f"Content-Transfer-Encoding: {encoding}\n")
    fields += [f"{name}: {chance.choice(values)}\n" for name, values in MIME_FIELDS.items() if chance.random() < 0.15]
    chance.shuffle(fields)
    head = "".join(fields) + ("\n" if chance.random() < 0.93 else "")
    if boundary is None:
        within = kind in ("message/rfc822", "message/global") and chance.random() < 0.9
        return head + (entity(chance, (*outer, "m")) if within else chance.choice(BODIES))
    body = chance.choice(["", "preamble\n", "\n"])
    for _ in range(chance.randrange(4)):
        body += f"--{boundary}{chance.choice(['', '', ' ', 'x'])}\n" + entity(chance, (*outer, boundary)) + ("\n" if chance.random() < 0.9 else "")
    return head + body + (f"--{boundary}--{chance.choice(['', ' '])}\nepilogue\n" if chance.random() < 0.85 else "")
