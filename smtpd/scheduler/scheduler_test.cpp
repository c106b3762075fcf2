#include "smtpd/scheduler/scheduler.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "common/process/control.h"
#include "smtpd/scheduler/error_notice.h"
#include "smtpd/scheduler/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;
using namespace std::chrono_literals;

TEST_CASE("a message is committed, resolved, attempted and removed") {
  World world;
  REQUIRE(world.submit({"bob@there.test"}));
  world.settle();
  REQUIRE(world.delivered.size() == 1);
  CHECK(world.delivered[0].first.sender == "ann@x.test");
  CHECK(world.delivered[0].second == "Subject: hello\n\nbody\n");
  CHECK(world.scheduler->size() == 0);
  std::string id = world.last_id.value();
  CHECK(world.has_line("qmgr: " + id + ": from=<ann@x.test>, size=24, nrcpt=1 (queue active)"));
  CHECK(world.has_line("smtp: " + id + ": to=<bob@there.test>, relay=relay.test[192.0.2.1]:25"));
  CHECK(world.has_line("dsn=2.0.0, status=sent (ok)"));
  CHECK(world.log.last() == "qmgr: " + id + ": removed");
  world.crash();
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE("deferred mail is tried again when its time has come, and not before") {
  World world({"minimal_backoff_time=300s", "maximal_backoff_time=4000s"});
  int tries = 0;
  world.on_attempt = [&](const Recipient&) {
    return ++tries < 3 ? World::outcome(OutcomeKind::Retry, "4.2.0", "busy")
                       : World::outcome(OutcomeKind::Delivered, "2.0.0", "ok");
  };
  REQUIRE(world.submit({"bob@there.test"}));
  world.settle();
  CHECK(tries == 1);
  world.clock.advance(299s);
  world.scheduler->look();
  world.settle();
  CHECK(tries == 1);
  world.clock.advance(1s);
  world.scheduler->look();
  world.settle();
  CHECK(tries == 2);
  world.stop_orderly();
  world.open();
  world.settle();
  CHECK(tries == 2);
  world.clock.advance(300s);
  world.scheduler->look();
  world.settle();
  CHECK(tries == 3);
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE("an alias of three with one stopped host: ten retries, each mailbox gets one copy") {
  World world({"minimal_backoff_time=300s", "maximal_backoff_time=300s"});
  world.on_resolve = [](const Resolve& ask) {
    if (ask.recipient.address == "staff@here.test") {
      return World::expansion({"ann@here.test", "bob@stopped.test", "eve@here.test"},
                              ask.recipient);
    }
    bool is_here = ask.recipient.address.ends_with("@here.test");
    return World::route_to(is_here ? Transport::Local : Transport::Smtp, "stopped.test");
  };
  world.on_attempt = [](const Recipient& recipient) {
    return recipient.address == "bob@stopped.test"
               ? World::outcome(OutcomeKind::Retry, "4.4.1", "connection refused")
               : World::outcome(OutcomeKind::Delivered, "2.0.0", "delivered to maildir");
  };
  REQUIRE(world.submit({"staff@here.test"}));
  world.settle();
  for (int retry = 0; retry < 10; ++retry) {
    world.clock.advance(301s);
    if (retry == 5) world.crash();
    world.scheduler->look();
    world.settle();
  }
  auto count = [&](const std::string& who) { return std::ranges::count(world.attempts, who); };
  CHECK(count("ann@here.test") == 1);
  CHECK(count("eve@here.test") == 1);
  CHECK(count("bob@stopped.test") + count("bob@stopped.test repeat") == 11);
  CHECK(std::ranges::count(world.resolved, "staff@here.test") == 1);
  CHECK(world.has_line("to=<ann@here.test>, orig_to=<staff@here.test>"));
}

TEST_CASE("lookup is told once that a mailbox is full, and once that it has room again") {
  World world({"minimal_backoff_time=300s", "maximal_backoff_time=300s"});
  world.on_resolve = [](const Resolve&) {
    auto resolution = World::route_to(Transport::Local, "");
    resolution.route.account.name = "ann";
    return resolution;
  };
  bool is_full = true;
  world.on_attempt = [&](const Recipient&) {
    return is_full ? World::outcome(OutcomeKind::Retry, "4.2.2", "over quota")
                   : World::outcome(OutcomeKind::Delivered, "2.0.0", "delivered to maildir");
  };
  REQUIRE(world.submit({"ann@here.test"}));
  world.settle();
  CHECK(world.notes == std::vector<std::string>{"ann full"});
  is_full = false;
  world.clock.advance(301s);
  world.scheduler->look();
  world.settle();
  REQUIRE(world.submit({"ann@here.test"}));
  world.settle();
  CHECK(world.notes == std::vector<std::string>{"ann full", "ann has room"});
}

TEST_CASE("an alias naming itself reaches the mailbox of that name, once") {
  World world;
  world.on_resolve = [](const Resolve& ask) {
    if (ask.recipient.address == "ann@here.test" && !ask.recipient.is_self) {
      return World::expansion({"ann@here.test", "ann@here.test", "bob@here.test"}, ask.recipient);
    }
    return World::route_to(Transport::Local, "");
  };
  REQUIRE(world.submit({"ann@here.test"}));
  world.settle();
  std::ranges::sort(world.attempts);
  CHECK(world.attempts == std::vector<std::string>{"ann@here.test", "bob@here.test"});
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE("aliases that name each other in a circle bounce, and nobody waits for ever") {
  World world;
  world.on_resolve = [](const Resolve& ask) {
    if (ask.recipient.address == "a@here.test")
      return World::expansion({"b@here.test"}, ask.recipient);
    if (ask.recipient.address == "b@here.test")
      return World::expansion({"a@here.test"}, ask.recipient);
    return World::route_to(Transport::Smtp, "x.test");
  };
  REQUIRE(world.submit({"a@here.test"}));
  world.settle();
  CHECK(world.has_line("dsn=5.4.6, status=bounced (mail forwarding loop for a@here.test)"));
  REQUIRE(world.delivered.size() == 1);  // the report
  CHECK(world.delivered[0].first.sender.empty());
  CHECK(world.delivered[0].first.recipients[0].address == "ann@x.test");
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE(
    "mail that an alias forwards to other hosts has Delivered-To, and is recognized when it comes "
    "back") {
  World world;
  world.on_resolve = [](const Resolve& ask) {
    if (ask.recipient.address == "list@here.test") {
      auto resolution = World::expansion({"bob@there.test", "eve@there.test"}, ask.recipient);
      for (auto& child : resolution.children) child.via = ask.recipient.address;
      return resolution;
    }
    return World::route_to(Transport::Smtp, "there.test");
  };
  REQUIRE(world.submit({"list@here.test", "zoe@there.test"}));
  world.settle();
  REQUIRE(world.delivered.size() == 3);
  int marked = 0;
  for (const auto& [envelope, body] : world.delivered) {
    bool is_marked = envelope.pieces.front().text == "Delivered-To: list@here.test\n";
    CHECK(is_marked == (envelope.recipients.front().address != "zoe@there.test"));
    marked += is_marked ? 1 : 0;
  }
  CHECK(marked == 2);
  world.delivered.clear();
  REQUIRE(world.submit({"list@here.test", "zoe@there.test"}, "", notify_default,
                       "Delivered-To: LIST@here.test\n"));
  world.settle();
  CHECK(world.delivered.size() == 1);
  CHECK(world.has_line("to=<list@here.test>, relay=none"));
  CHECK(world.has_line("dsn=5.4.6, status=bounced (mail forwarding loop for list@here.test)"));
}

TEST_CASE("a command is logged and reported under the alias that names it") {
  World world;
  world.on_resolve = [](const Resolve& ask) {
    const auto& recipient = ask.recipient;
    if (recipient.kind == RecipientKind::Command) {
      return World::route_to(Transport::Pipe, recipient.address);
    }
    if (recipient.address == "job@virtual.test") {
      return World::expansion({"run@here.test"}, recipient);
    }
    if (recipient.address == "run@here.test") {
      auto resolution = World::expansion({"cat > x"}, recipient);
      resolution.children[0].kind = RecipientKind::Command;
      resolution.children[0].via = recipient.address;
      return resolution;
    }
    return World::route_to(Transport::Smtp, "x.test");
  };
  world.on_attempt = [](const Recipient& recipient) {
    return recipient.kind == RecipientKind::Command
               ? World::outcome(OutcomeKind::Bounce, "5.3.0", "Command died with status 1")
               : World::outcome(OutcomeKind::Delivered, "2.0.0", "ok");
  };
  REQUIRE(world.submit({"job@virtual.test"}));
  std::string id = world.last_id.value();
  world.settle();
  CHECK(world.has_line("local: " + id + ": to=<run@here.test>, orig_to=<job@virtual.test>, "));
  CHECK_FALSE(world.has_line("to=<cat"));
  REQUIRE(world.delivered.size() == 1);
  const std::string& report = world.delivered[0].second;
  CHECK(report.find("Final-Recipient: rfc822; run@here.test") != std::string::npos);
  CHECK(report.find("cat > x") == std::string::npos);
}

TEST_CASE("a .forward's commands run as its user, whatever the deliver process says") {
  for (bool is_system : {true, false}) {
    World world;
    std::vector<Recipient> children;
    world.on_resolve = [&](const Resolve& ask) {
      if (ask.recipient.kind == RecipientKind::Command) children.push_back(ask.recipient);
      auto resolution = World::route_to(
          ask.recipient.kind == RecipientKind::Command ? Transport::Pipe : Transport::Local, "");
      resolution.route.account.name = "bob";
      resolution.route.account.is_system = is_system;
      return resolution;
    };
    world.on_attempt = [](const Recipient& recipient) {
      bool is_forwarded = recipient.kind == RecipientKind::Address;
      auto outcome = World::outcome(is_forwarded ? OutcomeKind::Expand : OutcomeKind::Delivered,
                                    "2.0.0", "forwarded");
      Recipient child = recipient;
      child.kind = RecipientKind::Command;
      child.address = "id";
      child.run_as = "victim";
      child.has_own_sender = true;
      if (is_forwarded) outcome.children.push_back(std::move(child));
      return outcome;
    };
    REQUIRE(world.submit({"bob@here.test"}));
    world.settle();
    CHECK(children.size() == (is_system ? 1 : 0));
    for (const auto& child : children) {
      CHECK(child.run_as == "bob");
      CHECK(child.via == "bob@here.test");
      CHECK_FALSE(child.has_own_sender);
    }
    // Own users have no .forward: commands named for them are rejected, and the mail stays in the
    // queue.
    CHECK(world.scheduler->size() == (is_system ? 0 : 1));
  }
}

TEST_CASE("mail for the transport discard is logged as its own, with the text given") {
  World world;
  world.on_resolve = [](const Resolve&) { return World::route_to(Transport::Discard, "no news"); };
  REQUIRE(world.submit({"news@there.test"}));
  world.settle();
  CHECK(world.attempts.empty());
  CHECK(world.has_line("discard: " + world.last_id.value() + ": to=<news@there.test>, relay=none"));
  CHECK(world.has_line("dsn=2.0.0, status=sent (no news)"));
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE("transports of defer_transports wait, by whatever name, until they are flushed") {
  World world({"defer_transports=relay, discard"});
  world.on_resolve = [](const Resolve& ask) {
    const auto& address = ask.recipient.address;
    auto route = World::route_to(address.starts_with("news") ? Transport::Discard : Transport::Smtp,
                                 "next.test");
    if (address.starts_with("partner")) route.route.name = "relay";
    if (address.starts_with("wrong")) route.route.transport = Transport::Error;
    return route;
  };
  REQUIRE(world.submit({"partner@x.test", "news@x.test", "other@x.test"}));
  world.settle();
  CHECK(world.attempts == std::vector<std::string>{"other@x.test"});
  CHECK(world.has_line("to=<partner@x.test>, relay=none"));
  CHECK(world.has_line("dsn=4.3.2, status=deferred (deferred transport)"));
  CHECK(world.scheduler->size() == 1);
  world.resolved.clear();
  world.scheduler->flush();
  world.settle();
  CHECK(world.scheduler->size() == 0);
  // `lookup` is told to reread its tables first.
  REQUIRE_FALSE(world.resolved.empty());
  CHECK(world.resolved.front() == "(tables)");
  CHECK(world.attempts == std::vector<std::string>{"other@x.test", "partner@x.test"});
}

namespace {

Task<Result<Resolution>> no_answer() {
  co_return Error::temporary("4.3.0", "the process has ended before it answered");
}

}  // namespace

TEST_CASE("mail whose route was asked for when smtpd stopped is tried at the next start") {
  World world;
  Nursery tasks(world.loop);
  world.lookup.services.on<Resolve>([&](Resolve, std::vector<Descriptor>) {
    tasks.start(world.scheduler->drain());
    return no_answer();
  });
  REQUIRE(world.submit({"bob@there.test"}));
  world.settle();
  CHECK(world.scheduler->size() == 1);
  CHECK_FALSE(world.has_line("status=deferred"));
  world.stop_orderly();
  world.lookup.services.on<Resolve>(
      [&](Resolve ask, std::vector<Descriptor>) { return world.resolve(std::move(ask)); });
  world.open();
  world.settle();
  CHECK(world.attempts == std::vector<std::string>{"bob@there.test"});
}

TEST_CASE("new mail and deferred mail take turns") {
  World world({"qmgr_message_active_limit=1"});
  for (int i = 0; i < 3; ++i) world.submit_deferred();
  // New mail waits, since it arrives while nothing may begin.
  world.loop.run_until(world.scheduler->drain());
  for (int i = 0; i < 3; ++i) REQUIRE(world.submit({"new@there.test"}));
  world.clock.advance(Seconds(3600));
  world.attempts.clear();
  world.on_attempt = [](const Recipient&) {
    return World::outcome(OutcomeKind::Delivered, "2.0.0", "ok");
  };
  world.crash();
  world.settle();
  REQUIRE(world.attempts.size() == 6);
  auto is_new = [&](std::size_t at) { return world.attempts[at].starts_with("new@"); };
  for (std::size_t i = 1; i < 6; ++i) CHECK(is_new(i) != is_new(i - 1));
}

TEST_CASE("a destination never gets more than its limit at once, also after a reload") {
  Loop loop;
  Destination::Limits limits;
  limits.initial = 5;
  limits.most = 2;
  Destination destination(loop, limits);
  CHECK(destination.limit() == 2);
  for (int i = 0; i < 3; ++i) destination.succeeded();
  CHECK(destination.limit() == 2);
  limits.most = 1;
  destination.set_limits(limits);
  CHECK(destination.limit() == 1);
  limits.most = 9;
  destination.set_limits(limits);
  destination.succeeded();
  CHECK(destination.limit() == 2);
}

TEST_CASE("mail to /dev/null is discarded without a delivery process") {
  World world;
  world.on_resolve = [](const Resolve& ask) {
    bool is_report = ask.recipient.address == "ann@x.test";
    return is_report ? World::route_to(Transport::Smtp, "x.test")
                     : World::route_to(Transport::File, "/dev/null");
  };
  REQUIRE(world.submit({"nobody@here.test"}, "ann@x.test", notify_success));
  world.settle();
  CHECK(world.attempts == std::vector<std::string>{"ann@x.test"});
  CHECK(world.has_line("dsn=2.0.0, status=sent (delivered to file: /dev/null)"));
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE("a failure is reported to the sender, but not the failure of a report") {
  World world;
  world.on_attempt = [](const Recipient&) {
    auto outcome = World::outcome(OutcomeKind::Bounce, "5.1.1", "host said: 550 no such user");
    outcome.diagnostic = "550 5.1.1 no such user";
    return outcome;
  };
  REQUIRE(world.submit({"bob@there.test"}));
  std::string id = world.last_id.value();
  world.settle();
  CHECK(world.has_line("bounce: " + id + ": sender non-delivery notification: "));
  CHECK(world.has_line("from=<>"));
  CHECK(world.attempts == std::vector<std::string>{"bob@there.test", "ann@x.test"});
  CHECK(world.scheduler->size() == 0);

  REQUIRE(world.submit({"bob@there.test"}, ""));
  world.settle();
  CHECK(world.attempts.size() == 3);
  CHECK(world.has_line("undeliverable notification discarded"));
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE("mail of double_bounce_sender causes no reports") {
  World world({"double_bounce_sender=twice", "myorigin=mail.example.com"});
  world.on_attempt = [](const Recipient&) {
    return World::outcome(OutcomeKind::Bounce, "5.1.1", "no such user");
  };
  REQUIRE(world.submit({"bob@there.test"}, "Twice@mail.example.com"));
  world.settle();
  CHECK(world.attempts.size() == 1);
  CHECK(world.has_line("undeliverable notification discarded"));
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE("the report of a failure names the recipient, and holds the message") {
  World world;
  world.on_attempt = [](const Recipient& recipient) {
    return recipient.address == "bob@there.test"
               ? World::outcome(OutcomeKind::Bounce, "5.1.1", "no such user")
               : World::outcome(OutcomeKind::Delivered, "2.0.0", "ok");
  };
  REQUIRE(world.submit({"bob@there.test", "eve@there.test"}));
  world.settle();
  REQUIRE(world.delivered.size() == 2);
  const std::string report = world.delivered[1].second;
  CHECK(report.find("Final-Recipient: rfc822; bob@there.test") != std::string::npos);
  CHECK(report.find("Status: 5.1.1") != std::string::npos);
  CHECK(report.find("Subject: hello") != std::string::npos);
  CHECK(report.find("eve@there.test") == std::string::npos);
  CHECK(world.delivered[1].first.recipients[0].notify == notify_never);
}

TEST_CASE(
    "the report about mail with REQUIRETLS has no content, and asks for it where that is set") {
  for (bool is_redacted : {true, false}) {
    CAPTURE(is_redacted);
    World world({is_redacted ? "requiretls_redact_dsn=yes" : "requiretls_redact_dsn=no"});
    world.requires_tls = true;
    world.on_attempt = [](const Recipient& recipient) {
      return recipient.address == "bob@there.test"
                 ? World::outcome(OutcomeKind::Bounce, "5.7.30", "no REQUIRETLS")
                 : World::outcome(OutcomeKind::Delivered, "2.0.0", "ok");
    };
    REQUIRE(world.submit({"bob@there.test"}));
    world.settle();
    REQUIRE(world.delivered.size() == 1);
    const auto& [envelope, report] = world.delivered[0];
    CHECK(report.find("\nbody\n") == std::string::npos);
    CHECK(report.find("Subject: hello") != std::string::npos);
    CHECK(envelope.requires_tls != is_redacted);
    CHECK(report.find("TLS-Required") == std::string::npos);
  }
}

TEST_CASE("the report about mail with TLS-Required: No says so, too") {
  World world;
  world.is_tls_optional = true;
  world.on_attempt = [](const Recipient& recipient) {
    return recipient.address == "bob@there.test"
               ? World::outcome(OutcomeKind::Bounce, "5.1.1", "no such user")
               : World::outcome(OutcomeKind::Delivered, "2.0.0", "ok");
  };
  REQUIRE(world.submit({"bob@there.test"}));
  world.settle();
  REQUIRE(world.delivered.size() == 1);
  CHECK(world.delivered[0].first.forgoes_tls());
  CHECK(world.delivered[0].second.find("\nTLS-Required: No\n") != std::string::npos);
}

TEST_CASE("reports have the words of the templates, with the host's values") {
  World world;
  auto templates = std::make_shared<BounceTemplates>(built_in_templates());
  templates->failure.subject = "Returned";
  templates->failure.from_name = "Die Post";
  templates->failure.text = "An $myorigin seit ${maximal_queue_lifetime_days} Tagen.\n";
  world.templates = templates;
  world.on_attempt = [](const Recipient& recipient) {
    return World::outcome(
        recipient.address == "bob@there.test" ? OutcomeKind::Bounce : OutcomeKind::Delivered,
        "5.1.1", "no such user");
  };
  REQUIRE(world.submit({"bob@there.test"}));
  world.settle();
  REQUIRE(world.delivered.size() == 1);
  const std::string& report = world.delivered[0].second;
  CHECK(report.find("Subject: Returned\n") != std::string::npos);
  CHECK(report.find("From: Die Post <MAILER-DAEMON@" + world.config->myorigin + ">\n") !=
        std::string::npos);
  CHECK(report.find("An " + world.config->myorigin +
                    " seit 5 Tagen.\n\n<bob@there.test>: failed\n") != std::string::npos);
}

TEST_CASE("with a variable return path each recipient has a sender, who gets his bounce") {
  World world;
  world.verp = "+=";
  world.on_whole_attempt = [](const Attempt& attempt, const Recipient& recipient) {
    CHECK(attempt.envelope.recipients.size() == 1);
    bool is_report = attempt.envelope.sender.empty();
    if (!is_report && recipient.address == "bob@there.test") {
      CHECK(attempt.envelope.sender == "ann+bob=there.test@x.test");
      return World::outcome(OutcomeKind::Bounce, "5.1.1", "no such user");
    }
    return World::outcome(OutcomeKind::Delivered, "2.0.0", "ok");
  };
  REQUIRE(world.submit({"bob@there.test", "eve@there.test"}));
  world.settle();
  REQUIRE(world.delivered.size() == 2);
  CHECK(world.delivered[0].first.sender == "ann+eve=there.test@x.test");
  CHECK(world.delivered[1].first.recipients[0].address == "ann+bob=there.test@x.test");
  CHECK(world.delivered[1].second.find("To: ann+bob=there.test@x.test\n") != std::string::npos);
}

TEST_CASE("with disable_verp_bounces one report goes to the plain sender") {
  World world({"disable_verp_bounces=yes"});
  world.verp = "+=";
  world.on_attempt = [](const Recipient& recipient) {
    return World::outcome(
        recipient.address.ends_with("@there.test") ? OutcomeKind::Bounce : OutcomeKind::Delivered,
        "5.1.1", "no such user");
  };
  REQUIRE(world.submit({"bob@there.test", "eve@there.test"}));
  world.settle();
  REQUIRE(world.delivered.size() == 1);
  CHECK(world.delivered[0].first.recipients[0].address == "ann@x.test");
  CHECK(world.delivered[0].second.find("<eve@there.test>") != std::string::npos);
}

TEST_CASE("notify_classes decides what postmaster is told of mail that bounces") {
  struct Row {
    const char* classes;
    const char* sender;
    std::vector<std::string> told;  // who gets what
  };
  for (const Row& row :
       {Row{"resource, software", "ann@x.test", {"ann@x.test Undelivered Mail Returned to Sender"}},
        Row{"bounce",
            "ann@x.test",
            {"ann@x.test Undelivered Mail Returned to Sender",
             "b@mail.example.com Postmaster Copy: Undelivered Mail"}},
        Row{"2bounce", "ann@x.test", {"ann@x.test Undelivered Mail Returned to Sender"}},
        Row{"resource", "", {}}, Row{"bounce", "", {"b2@y.test Postmaster Copy: Undelivered Mail"}},
        Row{"2bounce", "", {"b2@y.test Postmaster Copy: Undelivered Mail"}},
        Row{"bounce, 2bounce", "double-bounce@mail.example.com", {}}}) {
    CAPTURE(row.classes);
    CAPTURE(row.sender);
    World world({"notify_classes=" + std::string(row.classes), "bounce_notice_recipient=b",
                 "2bounce_notice_recipient=b2@y.test", "myhostname=mail.example.com",
                 "myorigin=mail.example.com"});
    world.on_attempt = [](const Recipient& recipient) {
      return World::outcome(
          recipient.address == "bob@there.test" ? OutcomeKind::Bounce : OutcomeKind::Delivered,
          "5.1.1", "no such user");
    };
    // A report of ours asks for no report.
    bool is_report = std::string_view(row.sender).empty();
    REQUIRE(
        world.submit({"bob@there.test"}, row.sender, is_report ? notify_never : notify_default));
    world.settle();
    std::vector<std::string> told;
    for (const auto& [envelope, text] : world.delivered) {
      auto subject = text.find("Subject: ") + 9;
      told.push_back(envelope.recipients[0].address + " " +
                     text.substr(subject, text.find('\n', subject) - subject));
      bool is_copy = text.find("Postmaster Copy") != text.npos;
      CHECK(envelope.sender == (is_copy ? "double-bounce@mail.example.com" : ""));
      CHECK((text.find("\nbody\n") != text.npos) == (!is_copy || is_report));
      CHECK((text.find("no such user") != text.npos));
      if (is_copy) CHECK(world.has_line("postmaster non-delivery notification: "));
    }
    std::ranges::sort(told);
    CHECK(told == row.told);
  }
}

TEST_CASE("with notify_classes = delay postmaster hears of late mail, too") {
  World world(
      {"notify_classes=delay", "delay_notice_recipient=late@y.test", "delay_warning_time=1h"});
  world.on_attempt = [](const Recipient& recipient) {
    return World::outcome(
        recipient.address == "bob@there.test" ? OutcomeKind::Retry : OutcomeKind::Delivered,
        "4.2.0", "busy");
  };
  REQUIRE(world.submit({"bob@there.test"}));
  world.settle();
  CHECK(world.delivered.empty());
  world.clock.advance(std::chrono::hours(2));
  world.scheduler->look();
  world.settle();
  REQUIRE(world.delivered.size() == 2);
  CHECK(world.delivered[0].first.recipients[0].address == "ann@x.test");
  CHECK(world.delivered[1].first.recipients[0].address == "late@y.test");
  CHECK(world.delivered[1].second.find("Subject: Postmaster Warning: Delayed Mail\n") !=
        std::string::npos);
}

TEST_CASE("the notice of an error in a session goes to the recipient of its class") {
  auto config =
      config_for_test({"error_notice_recipient=errors", "myorigin=example.com",
                       "bounce_notice_recipient=bounces@y.test", "myhostname=mail.example.com"});
  ManualClock clock;
  PostNotice notice;
  notice.role = "SMTP server";
  notice.peer = "client.example[192.0.2.1]";
  notice.transcript = " Out: 220 hello\n In:  VRFY\n";
  auto made = error_notice(notice, *config, clock);
  CHECK(made.envelope.sender == "double-bounce@mail.example.com");
  CHECK(made.envelope.recipients[0].address == "errors@example.com");
  CHECK(made.body.find("To: Postmaster <errors@example.com>\n") != std::string::npos);
  CHECK(made.body.find("Subject: Pennypost SMTP server: errors from client.example[192.0.2.1]\n") !=
        std::string::npos);
  CHECK(
      made.body.ends_with("\n\nTranscript of session follows.\n\n Out: 220 hello\n In:  VRFY\n\n"
                          "For other details, see the local mail logfile\n"));
  notice.role = "SMTP client";
  notice.is_bounce = true;
  notice.reason = "timeout";
  auto other = error_notice(notice, *config, clock);
  CHECK(other.envelope.recipients[0].address == "bounces@y.test");
  CHECK(other.body.find("\nUnexpected response from client.example[192.0.2.1].\n") !=
        std::string::npos);
  CHECK(other.body.find("\nSession aborted, reason: timeout\n") != std::string::npos);
}

TEST_CASE("with enable_original_recipient = no nothing says for whom the mail came in") {
  for (bool is_told : {true, false}) {
    CAPTURE(is_told);
    World world({std::string("enable_original_recipient=") + (is_told ? "yes" : "no")});
    world.on_resolve = [](const Resolve& ask) {
      return ask.recipient.address == "staff@here.test"
                 ? World::expansion({"bob@here.test"}, ask.recipient)
                 : World::route_to(Transport::Local, "");
    };
    REQUIRE(world.submit({"staff@here.test"}));
    world.settle();
    REQUIRE(world.delivered.size() == 1);
    CHECK(world.delivered[0].first.recipients[0].original == (is_told ? "staff@here.test" : ""));
    CHECK(world.has_line("orig_to=<staff@here.test>") == is_told);
  }
}

TEST_CASE("NOTIFY decides which reports there are") {
  struct Row {
    std::uint8_t notify;
    bool succeeds;
    bool is_dsn_relayed;
    bool reports;
  };
  for (const Row& row :
       {Row{notify_default, false, false, true}, Row{notify_default, true, false, false},
        Row{notify_never, false, false, false}, Row{notify_success, true, false, true},
        Row{notify_success, true, true, false}, Row{notify_success, false, false, false},
        Row{notify_success | notify_failure, false, false, true},
        Row{notify_delay, false, false, false}}) {
    CAPTURE(int{row.notify});
    CAPTURE(row.succeeds);
    World world;
    world.on_attempt = [&](const Recipient& recipient) {
      bool is_ok = row.succeeds || recipient.address == "ann@x.test";
      auto outcome = is_ok ? World::outcome(OutcomeKind::Delivered, "2.0.0", "ok")
                           : World::outcome(OutcomeKind::Bounce, "5.0.0", "no");
      outcome.is_dsn_relayed = row.is_dsn_relayed;
      return outcome;
    };
    REQUIRE(world.submit({"bob@there.test"}, "ann@x.test", row.notify));
    world.settle();
    bool has_report = std::ranges::count(world.attempts, "ann@x.test") == 1;
    CHECK(has_report == row.reports);
    CHECK(world.scheduler->size() == 0);
  }
}

TEST_CASE("an LMTP server without DSN relays, or delivers if lmtp_assume_final says so") {
  for (std::string assumed : {"no", "yes"}) {
    CAPTURE(assumed);
    World world({"lmtp_assume_final=" + assumed});
    world.on_resolve = [](const Resolve& ask) {
      bool is_report = ask.recipient.address == "ann@x.test";
      return World::route_to(is_report ? Transport::Smtp : Transport::Lmtp, "unix:private/lmtp");
    };
    REQUIRE(world.submit({"bob@there.test"}, "ann@x.test", notify_success));
    world.settle();
    REQUIRE(world.delivered.size() == 2);
    const std::string action = assumed == "yes" ? "Action: delivered" : "Action: relayed";
    CHECK(world.delivered[1].second.find(action) != std::string::npos);
    CHECK(world.has_line("lmtp: "));
  }
}

TEST_CASE("two sockets whose paths differ in case alone are two destinations") {
  World world;
  world.on_resolve = [](const Resolve& ask) {
    bool is_bob = ask.recipient.address == "bob@there.test";
    return World::route_to(Transport::Lmtp, is_bob ? "unix:/run/a" : "unix:/run/A");
  };
  REQUIRE(world.submit({"bob@there.test", "eve@there.test"}));
  world.settle();
  CHECK(world.delivered.size() == 2);
  REQUIRE(world.sent_to.size() == 2);
  CHECK(world.sent_to.count("unix:/run/a") == 1);
  CHECK(world.sent_to.count("unix:/run/A") == 1);
}

TEST_CASE("a mailing list answers its sender, and its owner hears of its members") {
  World world;
  world.on_resolve = [](const Resolve& ask) {
    if (ask.recipient.address == "list@here.test") {
      auto resolution = World::expansion({"bob@there.test", "eve@there.test"}, ask.recipient);
      for (auto& child : resolution.children) {
        child.has_own_sender = true;
        child.sender = "ann@x.test";  // she owns the list and wrote to it
        child.notify = notify_default;
        child.orcpt.clear();
      }
      return resolution;
    }
    return World::route_to(Transport::Smtp, ask.recipient.address.substr(4));
  };
  world.on_attempt = [](const Recipient& recipient) {
    return recipient.address == "eve@there.test"
               ? World::outcome(OutcomeKind::Bounce, "5.1.1", "no such user")
               : World::outcome(OutcomeKind::Delivered, "2.0.0", "ok");
  };
  REQUIRE(world.submit({"list@here.test", "zoe@there.test"}, "ann@x.test", notify_success, "",
                       "envid-7"));
  world.settle();
  CHECK(world.scheduler->size() == 0);
  int lists = 0;
  int failures = 0;
  for (const auto& [envelope, body] : world.delivered) {
    const auto& to = envelope.recipients.front();
    bool is_report = envelope.sender.empty();
    bool has_envid = is_report ? body.find("Original-Envelope-Id: envid-7") != std::string::npos
                               : envelope.envid == "envid-7" && envelope.ret == Ret::Full;
    bool is_of_list = body.find("list@here.test\n") != std::string::npos &&
                      body.find("Action: delivered") != std::string::npos;
    bool is_failure = body.find("Action: failed") != std::string::npos;
    if (is_report) {
      lists += is_of_list ? 1 : 0;
      failures += is_failure ? 1 : 0;
      CHECK(has_envid != is_failure);
    } else {
      CHECK(has_envid == (to.address == "zoe@there.test"));
    }
  }
  CHECK(lists == 1);
  CHECK(failures == 1);
}

TEST_CASE("mail that waits longer than maximal_queue_lifetime goes back") {
  World world({"maximal_queue_lifetime=1d", "delay_warning_time=1h", "maximal_backoff_time=4000s"});
  world.on_attempt = [](const Recipient& recipient) {
    return recipient.address == "bob@there.test"
               ? World::outcome(OutcomeKind::Retry, "4.2.0", "busy")
               : World::outcome(OutcomeKind::Delivered, "2.0.0", "ok");
  };
  REQUIRE(world.submit({"bob@there.test"}));
  std::string id = world.last_id.value();
  world.settle();
  world.clock.advance(2h);
  world.scheduler->look();
  world.settle();
  CHECK(world.has_line(id + ": sender delay notification: "));
  CHECK(world.delivered.size() == 1);
  world.clock.advance(2h);
  world.scheduler->look();
  world.settle();
  CHECK(world.delivered.size() == 1);  // one warning
  world.clock.advance(21h);
  world.scheduler->look();
  world.settle();
  CHECK(world.has_line("qmgr: " + id + ": from=<ann@x.test>, status=expired, returned to sender"));
  REQUIRE(world.delivered.size() == 2);
  CHECK(world.delivered[1].second.find("Status: 4.2.0") != std::string::npos);
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE("after a crash the first attempt is marked, after an orderly stop it is not") {
  World world;
  REQUIRE(world.submit({"bob@there.test"}));
  world.settle();
  world.attempts.clear();
  world.on_resolve = [](const Resolve&) -> Resolution {
    auto resolution = World::route_to(Transport::Error, "not now");
    resolution.route.status = "4.3.0";
    return resolution;
  };
  REQUIRE(world.submit({"bob@there.test"}));
  REQUIRE(world.submit({"eve@there.test"}));
  world.settle();
  world.on_resolve = [](const Resolve&) { return World::route_to(Transport::Smtp, "x.test"); };
  SUBCASE("crash") {
    world.crash();
    world.scheduler->flush();
    world.settle();
    std::ranges::sort(world.attempts);
    CHECK(world.attempts ==
          std::vector<std::string>{"bob@there.test repeat", "eve@there.test repeat"});
  }
  SUBCASE("orderly stop") {
    world.stop_orderly();
    world.open();
    world.scheduler->flush();
    world.settle();
    std::ranges::sort(world.attempts);
    CHECK(world.attempts == std::vector<std::string>{"bob@there.test", "eve@there.test"});
  }
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE("a destination that can't be reached is left alone for a while") {
  World world({"initial_destination_concurrency=1", "minimal_backoff_time=300s"});
  world.on_attempt = [](const Recipient&) {
    return World::outcome(OutcomeKind::Retry, "4.4.1", "connect to x: Connection refused");
  };
  REQUIRE(world.submit({"bob@there.test"}));
  world.settle();
  REQUIRE(world.submit({"eve@there.test"}));
  world.settle();
  CHECK(world.attempts == std::vector<std::string>{"bob@there.test"});
  CHECK(world.has_line(
      "status=deferred (delivery temporarily suspended: connect to x: Connection refused)"));
  world.scheduler->flush();
  world.settle();
  CHECK(world.attempts.size() >= 2);
}

TEST_CASE("an envelope that names a command, a path or a used id is refused") {
  World world;
  Envelope envelope;
  envelope.id = make_queue_id(world.clock);
  Recipient recipient;
  recipient.address = "bob@x.test";
  SUBCASE("command") { recipient.kind = RecipientKind::Command; }
  SUBCASE("account") { recipient.run_as = "root"; }
  SUBCASE("path") { envelope.id = QueueId("../../etc/pass"); }
  SUBCASE("nobody") { recipient.address.clear(); }
  SUBCASE("a line") { recipient.address = "bob@x.test\nqmgr: forged"; }
  envelope.recipients.push_back(recipient);
  auto work = world.scheduler->submit(std::move(envelope), "");
  auto answer = world.loop.run_until(std::move(work));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == 501);
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE("a large body lies in a file that goes with its message, and orphans go at the start") {
  World world;
  Envelope envelope;
  envelope.id = make_queue_id(world.clock);
  envelope.sender = "ann@x.test";
  auto file = world.loop.run_until(world.queue->open_body(envelope.id));
  REQUIRE(file);
  std::string body(300'000, 'x');
  REQUIRE(write_all(file->number(), body, "a body"));
  envelope.body_is_file = true;
  envelope.body_bytes = body.size();
  Piece whole;
  whole.length = body.size();
  envelope.pieces.push_back(whole);
  Recipient recipient;
  recipient.address = "bob@there.test";
  envelope.recipients.push_back(recipient);
  auto path = world.scratch.path() / "queue/body" / envelope.id.value();
  auto work = world.scheduler->submit(std::move(envelope), "");
  REQUIRE(world.loop.run_until(std::move(work)));
  CHECK(std::filesystem::exists(path));
  world.settle();
  REQUIRE(world.delivered.size() == 1);
  CHECK(world.delivered[0].second == body);
  CHECK_FALSE(std::filesystem::exists(path));

  QueueId orphan = make_queue_id(world.clock);
  REQUIRE(world.loop.run_until(world.queue->open_body(orphan)));
  auto orphan_path = world.scratch.path() / "queue/body" / orphan.value();
  CHECK(std::filesystem::exists(orphan_path));
  world.crash();
  CHECK_FALSE(std::filesystem::exists(orphan_path));
}

TEST_CASE("an attempt without an outcome is in doubt, also after an orderly stop") {
  World world;
  world.gives_outcomes = false;
  REQUIRE(world.submit({"bob@there.test"}));
  world.settle();
  CHECK(world.has_line("status=deferred (the delivery process reported no outcome)"));
  world.stop_orderly();
  world.open();
  world.gives_outcomes = true;
  world.scheduler->flush();
  world.settle();
  CHECK(world.attempts == std::vector<std::string>{"bob@there.test", "bob@there.test repeat"});
}

TEST_CASE("mail for which there is no deliver process now comes back soon, and is not a repeat") {
  World world;
  world.deliver_refusal = Error(control::all_busy, "4.3.2", "all deliver processes are busy");
  REQUIRE(world.submit({"bob@here.test"}));
  world.settle();
  CHECK(world.attempts.empty());
  CHECK(world.scheduler->size() == 1);
  CHECK_FALSE(world.has_line("status="));
  world.deliver_refusal.reset();
  world.clock.advance(30s);
  world.scheduler->look();
  world.settle();
  CHECK(world.attempts == std::vector<std::string>{"bob@here.test"});
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE("another error of the master's defers mail as any error does, but nothing was sent") {
  World world;
  world.deliver_refusal = Error::temporary("4.3.0", "no such user any more");
  REQUIRE(world.submit({"bob@here.test"}));
  world.settle();
  CHECK(world.has_line("status=deferred"));
  world.deliver_refusal.reset();
  world.clock.advance(301s);
  world.scheduler->look();
  world.settle();
  CHECK(world.attempts == std::vector<std::string>{"bob@here.test"});
}
