#include "smtpd/scheduler/outgoing.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <map>

#include "smtpd/delivery/message_source.h"
#include "smtpd/policy/content_checks.h"
#include "smtpd/scheduler/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

const std::vector<std::string> with_checks{
    "smtp_header_checks=static:h", "smtp_mime_header_checks=static:m", "smtp_body_checks=static:b"};

/// A request to `send` whose changes a test chooses: what each field and line, and each address,
/// becomes.
struct Outgoing {
  explicit Outgoing(std::vector<std::string> settings) : config(config_for_test(settings)) {
    lookup.services.on<CheckContent>([this](CheckContent ask, std::vector<Descriptor>) {
      ++questions;
      return check(std::move(ask));
    });
    lookup.services.on<Generalize>([this](Generalize ask, std::vector<Descriptor>) {
      ++questions;
      return generalize(std::move(ask));
    });
    request.route.transport = Transport::Smtp;
    request.envelope.id = QueueId("QID");
    request.envelope.sender = "ann@inside.test";
    request.envelope.recipients.resize(2);
    request.envelope.recipients[0].address = "bob@inside.test";
    request.envelope.recipients[1].address = "eve@there.test";
  }
  Task<Result<CheckContent::Findings>> check(CheckContent ask) {
    scopes.insert(ask.scope);
    FindContent find = [&](const TableRef&, std::string_view key) {
      auto found = actions.find(std::string(key));
      return Result(found == actions.end() ? std::optional<std::string>()
                                           : std::optional(found->second));
    };
    co_return check_content(ask, *config, find);
  }
  Task<Result<Generalize::Rewritten>> generalize(Generalize ask) {
    if (addresses.contains("fail")) co_return Error::temporary("4.3.0", "the table is away");
    Generalize::Rewritten rewritten;
    auto now = [&](const std::string& text) {
      return addresses.contains(text) ? addresses[text] : text;
    };
    rewritten.sender = now(ask.sender);
    for (const auto& one : ask.others) rewritten.others.push_back(now(one));
    co_return std::move(rewritten);
  }

  /// The message as it goes out. `top` is a piece of text above what was received.
  std::string change(const std::string& top, const std::string& received, bool is_file = false) {
    Envelope& envelope = request.envelope;
    envelope.body_bytes = received.size();
    envelope.body_line_ends = static_cast<std::uint64_t>(std::ranges::count(received, '\n'));
    envelope.body_is_file = is_file;
    envelope.pieces.resize(2);
    envelope.pieces[0].text = top;
    envelope.pieces[1].length = received.size();
    Descriptor file;
    if (is_file) {
      file = Descriptor(::open(scratch.path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
      REQUIRE(::write(file.number(), received.data(), received.size()) ==
              static_cast<ssize_t>(received.size()));
    } else {
      request.body = received;
    }
    auto done = loop.run_until(change_outgoing(loop, lookup.port, config, request, file));
    if (!done) return "later " + done.error().text_with_status();
    MessageSource source(envelope, request.body, std::move(file));
    auto whole = loop.run_until(source.whole(loop, 10'000'000));
    REQUIRE(whole);
    // The size that the server is told is that of what is sent.
    auto line_ends = static_cast<std::uint64_t>(std::ranges::count(*whole, '\n'));
    CHECK(envelope.octets() == whole->size() + line_ends);
    return *whole;
  }

  Loop loop;
  Scratch scratch;
  LogCapture log;
  std::shared_ptr<const Config> config;
  Peer lookup{loop, "lookup"};
  Attempt request;
  std::map<std::string, std::string> actions;
  std::map<std::string, std::string> addresses;
  std::set<ContentScope> scopes;
  int questions = 0;
};

}  // namespace

TEST_CASE("mail is changed on its way out only by settings for its transport") {
  auto plain = config_for_test();
  auto smtp = config_for_test({"smtp_generic_maps=static:x"});
  auto lmtp = config_for_test({"lmtp_body_checks=static:x"});
  CHECK_FALSE(changes_outgoing(*plain, Transport::Smtp));
  CHECK_FALSE(changes_outgoing(*plain, Transport::Lmtp));
  CHECK(changes_outgoing(*smtp, Transport::Smtp));
  CHECK_FALSE(changes_outgoing(*smtp, Transport::Lmtp));
  CHECK_FALSE(changes_outgoing(*smtp, Transport::Local));
  CHECK(changes_outgoing(*lmtp, Transport::Lmtp));
  CHECK_FALSE(changes_outgoing(*lmtp, Transport::Smtp));
}

TEST_CASE("smtp_header_checks see the whole header, what was put on top included") {
  for (bool is_file : {false, true}) {
    CAPTURE(is_file);
    Outgoing out({"smtp_header_checks=static:h"});
    out.actions = {{"Received: from inside", "IGNORE"},
                   {"Subject: x", "REPLACE Subject: y"},
                   {"X-Mark: 1", "PREPEND X-Marked: yes"},
                   {"To: bob", "WARN seen"}};
    CHECK(out.change("Received: from inside\n", "Subject: x\nTo: bob\nX-Mark: 1\n\nbody\n",
                     is_file) == "Subject: y\nTo: bob\nX-Marked: yes\nX-Mark: 1\n\nbody\n");
    CHECK(out.scopes == std::set{ContentScope::Smtp});
    CHECK(out.log.lines() ==
          std::vector<std::string>{"smtp: QID: replace: header Subject: x: Subject: y",
                                   "smtp: QID: warning: header To: bob: seen",
                                   "smtp: QID: prepend: header X-Mark: 1: X-Marked: yes"});
  }
}

TEST_CASE("lines of the body and fields of its parts are changed, whatever pieces they are in") {
  for (bool is_file : {false, true}) {
    CAPTURE(is_file);
    Outgoing out(with_checks);
    out.actions = {{"remove", "IGNORE"},
                   {"above", "PREPEND inserted"},
                   {"change", "REPLACE changed"},
                   {"Content-Type: text/html", "REPLACE Content-Type: text/plain"}};
    const std::string header = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n";
    std::string filler;
    for (int i = 0; i < 5000; ++i) filler += "a line that nobody looks for\n";
    CHECK(out.change("Received: x\n",
                     header + "--b\nContent-Type: text/html\n\nremove\nabove\n" + filler +
                         "--b\n\nchange\n--b--\nend",
                     is_file) == "Received: x\n" + header +
                                     "--b\nContent-Type: text/plain\n\ninserted\nabove\n" + filler +
                                     "--b\n\nchanged\n--b--\nend");
  }
}

TEST_CASE("what would refuse or redirect mail does nothing to mail that leaves, and is logged") {
  for (std::string action : {"REJECT no", "DISCARD", "HOLD", "REDIRECT a@b.test", "BCC a@b.test",
                             "PASS", "FROBNICATE"}) {
    CAPTURE(action);
    Outgoing out({"smtp_header_checks=static:h"});
    out.actions = {{"Subject: x", action}, {"To: y", "IGNORE"}};
    CHECK(out.change("", "Subject: x\nTo: y\n\nbody\n") == "Subject: x\n\nbody\n");
    REQUIRE(out.log.lines().size() == 1);
    CHECK(out.log.lines()[0].starts_with("smtp: warning: smtp_header_checks: static:h: "));
  }
}

TEST_CASE("generic maps rewrite the envelope and the addresses in the header") {
  Outgoing out({"smtp_generic_maps=static:x"});
  out.addresses = {{"ann@inside.test", "ann@example.com"}, {"bob@inside.test", "bob@example.com"}};
  CHECK(out.change("Received: by ann@inside.test\n",
                   "From: Ann <ann@inside.test>\nTo: bob@inside.test, eve@there.test\n"
                   "Subject: ann@inside.test\n\nann@inside.test\n") ==
        "Received: by ann@inside.test\nFrom: Ann <ann@example.com>\n"
        "To: bob@example.com, eve@there.test\nSubject: ann@inside.test\n\nann@inside.test\n");
  CHECK(out.request.envelope.sender == "ann@example.com");
  CHECK(out.request.envelope.recipients[0].address == "bob@example.com");
  CHECK(out.request.envelope.recipients[1].address == "eve@there.test");
}

TEST_CASE("what smtp_header_checks put into a field is rewritten by generic maps") {
  Outgoing out({"smtp_generic_maps=static:x", "smtp_header_checks=static:h"});
  out.actions = {{"From: nobody@inside.test", "REPLACE From: ann@inside.test"}};
  out.addresses = {{"ann@inside.test", "ann@example.com"}};
  CHECK(out.change("", "From: nobody@inside.test\n\n") == "From: ann@example.com\n\n");
}

TEST_CASE("a message of a header alone goes out as one") {
  Outgoing out({"smtp_header_checks=static:h", "smtp_body_checks=static:b"});
  out.actions = {{"Subject: x", "REPLACE Subject: y"}};
  CHECK(out.change("", "Subject: x\n") == "Subject: y\n");
  CHECK(out.change("", "Subject: x") == "Subject: y\n");
}

TEST_CASE("mail waits while a table for its way out can't be read") {
  Outgoing out({"smtp_generic_maps=static:x"});
  out.addresses = {{"fail", ""}};
  CHECK(out.change("", "Subject: x\n\n") == "later 4.3.0 the table is away");
}
