"""Another company's mail host of three kinds, Postfix, Exim and ours, as sender and receiver of the lab's mail."""
from harness import check, contains, eventually, test
from lab import letter, refused, shared

KINDS = ("postfix", "exim", "pennypost")  # ours comes last: the other tests go on with it


sentences = []


def with_each(sentence):
    """A test for every kind, named by it; declared at the end, so that each kind is brought up once."""
    def note(function):
        sentences.append((sentence, function))
        return function
    return note


def neighbour(kind):
    lab = shared.get()
    lab.use_mx(kind)
    return lab


BODIES = {"plain": "Hello.\r\n.\r\n..two\r\n", "8-bit": "Grüße, 日本\r\n", "a long line": "x" * 990 + "\r\n",
          "many lines": ("0123456789" * 7 + "\r\n") * 2000}


@with_each("000: mail for a domain whose MX runs {} arrives there as it was sent")
def to_it(kind):
    lab = neighbour(kind)
    with lab.smtp("desktop1", "127.0.0.1") as client:
        for name, body in BODIES.items():
            subject = lab.subject(name)
            message = letter(subject, to="bob@example.net").replace("Hello.\r\n", body)
            client.sendmail("student@example.com", ["bob@example.net"], message.encode(), ["BODY=8BITMIME"])
            came = lab.arrives("mx.example.net", "bob", subject)
            check(came.rstrip("\n").endswith("\n\n" + body.replace("\r\n", "\n").rstrip("\n")), f"{name} as it came: {came[-300:]!r}")
            contains(came.lower(), "return-path: <student@example.com>\n", f"{name} as it came")


@with_each("000: mail from a host of {} comes by our MX into an mbox file and a Maildir, as it was sent")
def from_it(kind):
    lab = neighbour(kind)
    for user in ("student", "alice"):
        subject = lab.subject(f"from {kind}")
        lab.mail("bob", "mx.example.net", f"{user}@example.com", subject, "Hello\nthere.")
        came = lab.arrives("imap1", user, subject)
        contains(came, "\n\nHello\nthere.\n", "the message")
        contains(came, "Return-Path: <bob@example.net>\n", "the message")
        contains(came, "from mx.example.net (mx.example.net [198.51.100.25])", "the message")


@with_each("002: what {} refuses comes back to the sender with its own words")
def it_refuses(kind):
    lab = neighbour(kind)
    address = "nobody-" + lab.subject(kind).replace(" ", "-") + "@example.net"
    lab.mail("kevin", "desktop1", address, lab.subject("to nobody"))
    line = lab.wait_log("smtp1", rf"to=<{address}>, relay=mx\.example\.net.*dsn=5\.\S+, status=bounced \((.*)\)")
    contains(line[1], "host mx.example.net[198.51.100.25] said: 550", "the reason in the log")
    contains(lab.report("imap1", "kevin", address), "Action: failed", "the report")


@with_each("002: a user of {} who writes to nobody at example.com is told so")
def we_refuse(kind):
    lab = neighbour(kind)
    address = "nobody-" + lab.subject(kind).replace(" ", "-") + "@example.com"
    lab.mail("bob", "mx.example.net", address, lab.subject("to nobody"))
    report = lab.report("mx.example.net", "bob", address)
    contains(report, "said: 550 5.1.1", "the report")


@with_each("002: while a host of {} is away our mail waits with the reason, and arrives when it is back")
def it_is_away(kind):
    lab = neighbour(kind)
    lab.run("mx.example.net", lab.stop_mx)
    try:
        subject = lab.subject("patient")
        lab.mail("student", "desktop1", "bob@example.net", subject)
        eventually(lambda: "mx.example.net[198.51.100.25]:25: Connection refused" in lab.run("smtp1", "mailq"), "mailq says why")
    finally:
        lab.run("mx.example.net", lab.start_mx)
    lab.run("smtp1", "postqueue -f")
    lab.arrives("mx.example.net", "bob", subject)


@with_each("002: an alias sends mail from {} back to it as charles's, with every host's trace")
def there_and_back(kind):
    lab = neighbour(kind)
    subject = lab.subject("there and back")
    lab.mail("bob", "mx.example.net", "charles@example.com", subject)
    came = lab.arrives("mx.example.net", "bob", subject)
    check(came.count("Received: ") >= 4, f"Received: lines in {came}")
    contains(came, "Delivered-To: charles@example.com", "the message")


@with_each("002: a host of {} cannot send through ours to another domain")
def no_relay(kind):
    lab = neighbour(kind)
    for server in ("smtp1", "imap1"):
        with lab.smtp("mx.example.net", server) as client:
            client.ehlo()
            client.mail("bob@example.net")
            refused(client.rcpt("victim@example.org"), 554, "Relay access denied")


for each in KINDS:
    for words, tried in sentences:
        test(words.format(each))(lambda t, kind=each, function=tried: function(kind))
