// What the filters of deliver processes ask for enters the queue: exactly once, and not more than
// their users may.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "smtpd/delivery/local.h"
#include "smtpd/scheduler/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;
using namespace std::chrono_literals;

namespace {

store::AutomaticReply reply(bool is_from_owner = false) {
  store::AutomaticReply made;
  made.recipient = "ann@x.test";
  made.is_from_owner = is_from_owner;
  made.text = "Auto-Submitted: auto-replied\nMessage-ID: <r@here.test>\n\nI am away.\n";
  return made;
}

Recipient address(std::string text) {
  Recipient made;
  made.address = std::move(text);
  return made;
}

/// Of the local recipient `whom`; all others get theirs.
auto answering(std::string whom, Outcome outcome) {
  return [whom, outcome](const Recipient& recipient) {
    return recipient.address == whom ? outcome
                                     : World::outcome(OutcomeKind::Delivered, "2.0.0", "ok");
  };
}

Outcome stored(std::vector<Recipient> redirects, std::vector<store::AutomaticReply> replies) {
  auto made = World::outcome(OutcomeKind::Delivered, "2.0.0", "delivered to maildir");
  made.children = std::move(redirects);
  made.replies = std::move(replies);
  return made;
}

}  // namespace

TEST_CASE("mail that a filter keeps, redirects and answers is one delivery and two new ones") {
  World world;
  world.on_attempt =
      answering("bob@here.test", stored({address("carol@there.test")}, {reply(), reply(true)}));
  REQUIRE(world.submit({"bob@here.test"}, "ann@x.test", notify_success | notify_failure));
  std::string id = world.last_id.value();
  world.settle();
  // carol's copy with the sender that it came with, and the mark of who sent it on.
  auto to = [&](const std::string& whom, const std::string& from) {
    std::vector<Envelope> found;
    for (const auto& [envelope, body] : world.delivered) {
      if (envelope.recipients[0].address == whom && envelope.sender == from) {
        found.push_back(envelope);
      }
    }
    return found;
  };
  auto carols = to("carol@there.test", "ann@x.test");
  REQUIRE(carols.size() == 1);
  CHECK(carols[0].id.value() == id);
  CHECK(carols[0].pieces[0].text == "Delivered-To: bob@here.test\n");
  CHECK(carols[0].recipients[0].notify == notify_failure);
  auto own = to("ann@x.test", "bob@here.test");
  REQUIRE(own.size() == 1);
  CHECK(own[0].message_id == "<r@here.test>");
  CHECK(own[0].pieces[0].text.starts_with("Received: "));
  // The other reply, and the report of success: of bob's copy, not of carol's.
  CHECK(to("ann@x.test", "").size() == 2);
  CHECK(world.has_line("local: " + id + ": automatic reply: "));
  CHECK(world.has_line("bounce: " + id + ": sender delivery status notification: "));
  CHECK(std::ranges::count(world.attempts, "bob@here.test") == 1);
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE("a message that a filter has changed goes on in its sender's name, marked as bob's") {
  World world;
  auto changed = reply();
  changed.recipient = "carol@there.test";
  changed.text = "X-Changed: yes\nSubject: x\n\nbody\n";
  changed.is_redirect = true;
  world.on_attempt = answering("bob@here.test", stored({}, {changed}));
  REQUIRE(world.submit({"bob@here.test"}, "ann@x.test"));
  world.settle();
  std::vector<std::string> texts;
  for (const auto& [envelope, body] : world.delivered) {
    if (envelope.recipients[0].address != "carol@there.test") continue;
    CHECK(envelope.sender == "ann@x.test");
    CHECK(envelope.recipients[0].notify == notify_failure);
    texts.push_back(body);
  }
  CHECK(texts == std::vector<std::string>{"Delivered-To: bob@here.test\n" + changed.text});
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE("replies go out with redirects alone and with discarded mail, not with mail that waits") {
  struct Row {
    OutcomeKind kind;
    bool is_redirected;
  };
  for (const auto& row : {Row{OutcomeKind::Expand, true}, Row{OutcomeKind::Discarded, false}}) {
    World world;
    auto outcome = World::outcome(row.kind, "2.0.0", "by filter");
    if (row.is_redirected) outcome.children = {address("carol@there.test")};
    outcome.replies = {reply()};
    world.on_attempt = answering("bob@here.test", outcome);
    REQUIRE(world.submit({"bob@here.test"}));
    world.settle();
    CHECK(std::ranges::count(world.attempts, "ann@x.test") == 1);
    CHECK(std::ranges::count(world.attempts, "carol@there.test") == (row.is_redirected ? 1 : 0));
    CHECK(world.scheduler->size() == 0);
  }
}

TEST_CASE(
    "two users who redirect to each other have one copy each, and the sender hears of a loop") {
  World world;
  world.on_attempt = [](const Recipient& recipient) {
    if (recipient.address == "bob@here.test") return stored({address("carol@here.test")}, {});
    if (recipient.address == "carol@here.test") return stored({address("bob@here.test")}, {});
    return World::outcome(OutcomeKind::Delivered, "2.0.0", "ok");
  };
  REQUIRE(world.submit({"bob@here.test"}));
  world.settle();
  std::ranges::sort(world.attempts);
  CHECK(world.attempts ==
        std::vector<std::string>{"ann@x.test", "bob@here.test", "carol@here.test"});
  CHECK(world.has_line("dsn=5.4.6, status=bounced (mail forwarding loop for bob@here.test)"));
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE(
    "a delivery process that wants more than a filter may is not believed, and nothing is sent") {
  auto too_many = std::vector<Recipient>(store::delivery_actions_max + 1, address("c@there.test"));
  auto command = address("id");
  command.kind = RecipientKind::Command;
  auto large = reply();
  large.text.append(store::delivery_reply_bytes_max, 'x');
  auto resent = large;
  resent.is_redirect = true;
  resent.text.resize(store::delivery_resent_bytes_max + 1, 'x');
  auto discarded = stored({address("c@there.test")}, {});
  discarded.kind = OutcomeKind::Discarded;
  auto deferred = stored({}, {reply()});
  deferred.kind = OutcomeKind::Retry;
  auto bounced = stored({}, {reply()});
  bounced.kind = OutcomeKind::Bounce;
  auto crowd = std::vector<store::AutomaticReply>(store::delivery_actions_max + 1, reply());
  for (const auto& outcome :
       {stored(too_many, {}), stored({command}, {}), stored({address("nobody")}, {}),
        stored({}, {large}), stored({}, {resent}), stored({}, crowd), discarded, deferred,
        bounced}) {
    World world;
    world.on_attempt = answering("bob@here.test", outcome);
    REQUIRE(world.submit({"bob@here.test"}));
    world.settle();
    CHECK(world.attempts == std::vector<std::string>{"bob@here.test"});
    CHECK(world.has_line("status=deferred"));
    CHECK(world.has_line("rejected the outcome of a delivery process: "));
    CHECK(world.scheduler->size() == 1);
  }
  // What speaks to strangers has no filters.
  World world;
  world.on_attempt = answering("bob@there.test", stored({}, {reply()}));
  REQUIRE(world.submit({"bob@there.test"}));
  world.settle();
  CHECK(world.attempts == std::vector<std::string>{"bob@there.test"});
}

TEST_CASE("a delivery that is done in part is tried again as one that may have got through") {
  World world({"minimal_backoff_time=300s", "maximal_backoff_time=300s"});
  auto outcome = World::outcome(OutcomeKind::Retry, "4.2.2", "over quota");
  outcome.is_partly_done = true;
  world.on_attempt = answering("bob@here.test", outcome);
  REQUIRE(world.submit({"bob@here.test"}));
  world.settle();
  world.clock.advance(301s);
  world.scheduler->look();
  world.settle();
  CHECK(world.attempts == std::vector<std::string>{"bob@here.test", "bob@here.test repeat"});
}

namespace {

/// Asks for a copy in INBOX and in Work, a redirect and a reply.
struct Everything final : store::DeliveryFilter {
  store::DeliveryChoice choose(const store::Delivery&) override {
    auto choice = store::DeliveryChoice::keep();
    choice.placements.push_back(store::Placement{"Work", store::Flags::Flagged, {}});
    choice.redirects = {"carol@there.test"};
    choice.replies = {reply()};
    return choice;
  }
};

/// A host whose mailboxes are real Maildirs, and whose users' filters want everything.
struct FilteringWorld : World {
  Scratch mail;
  Everything filter;
  std::set<std::string> carols;   // queue id and recipient number of what went to carol
  std::set<std::string> replies;  // queue ids
  std::set<std::string> arrived;  // of both, those of which the queue was told

  FilteringWorld() {
    on_resolve = [this](const Resolve& ask) {
      bool is_here = ask.recipient.address.ends_with("@here.test");
      auto resolution = route_to(is_here ? Transport::Local : Transport::Smtp, "there.test");
      resolution.route.account.mail_location = "maildir:" + mail / "Maildir";
      return resolution;
    };
    on_whole_attempt = [this](const Attempt& attempt, const Recipient& recipient) {
      if (attempt.route.transport == Transport::Local) {
        return deliver_locally(*config, attempt, recipient, -1, filter);
      }
      auto id = attempt.envelope.id.value();
      if (!silent.contains(recipient.address)) arrived.insert(id);
      if (recipient.address == "ann@x.test") replies.insert(id);
      if (recipient.address == "carol@there.test") {
        carols.insert(id + " " + std::to_string(recipient.number));
      }
      return outcome(OutcomeKind::Delivered, "2.0.0", "ok");
    };
  }
  std::size_t count(const std::string& folder) const {
    std::size_t files = 0;
    for (const char* part : {"new", "cur"}) {
      std::error_code none;
      for (const auto& file :
           std::filesystem::directory_iterator(mail.path() / "Maildir" / folder / part, none)) {
        files += file.is_regular_file() ? 1 : 0;
      }
    }
    return files;
  }
  Task<> until_attempted(std::string whom) {
    while (std::ranges::find(attempts, whom) == attempts.end()) {
      co_await loop.sleep(std::chrono::milliseconds(1));
    }
  }
  /// How far the work has come: attempts and commits.
  std::size_t steps() const { return attempts.size() + queue->committer().commits(); }
  Task<> until_steps(std::size_t count) {
    while (steps() < count && scheduler->size() > 0) {
      co_await loop.sleep(std::chrono::milliseconds(0));
    }
  }
  void check_all_done_once() {
    settle();
    CHECK(count("") == 1);
    CHECK(count(".Work") == 1);
    CHECK(carols.size() == 1);
    CHECK(replies.size() == 1);
    CHECK(arrived.size() == 2);
    CHECK(scheduler->size() == 0);
  }
};

}  // namespace

TEST_CASE("a kill after the copies were stored, before that is known, loses and doubles nothing") {
  FilteringWorld world;
  world.silent = {"bob@here.test"};
  REQUIRE(world.submit({"bob@here.test"}));
  world.loop.run_until(world.until_attempted("bob@here.test"));
  CHECK(world.count("") == 1);
  world.crash();
  world.silent.clear();
  world.check_all_done_once();
  CHECK(world.attempts[1] == "bob@here.test repeat");
}

TEST_CASE("a kill while redirects and replies are sent asks no filter again, and loses nothing") {
  FilteringWorld world;
  world.silent = {"carol@there.test", "ann@x.test"};
  REQUIRE(world.submit({"bob@here.test"}));
  world.loop.run_until(world.until_attempted("carol@there.test"));
  world.crash();
  world.silent.clear();
  world.check_all_done_once();
  CHECK(std::ranges::count(world.attempts, "bob@here.test") == 1);
  CHECK(std::ranges::count(world.attempts, "bob@here.test repeat") == 0);
}

TEST_CASE("a kill at any moment of a delivery with redirect and reply leaves each of them once") {
  std::set<std::size_t> attempts_before;
  bool was_finished = false;
  for (std::size_t steps = 0; !was_finished; ++steps) {
    CAPTURE(steps);
    FilteringWorld world;
    REQUIRE(world.submit({"bob@here.test"}));
    world.loop.run_until(world.until_steps(steps));
    attempts_before.insert(world.attempts.size());
    was_finished = world.scheduler->size() == 0;
    world.crash();
    world.check_all_done_once();
  }
  // Moments before the first attempt, between it and the others, and behind all were among them.
  CHECK(attempts_before.contains(0));
  CHECK(attempts_before.contains(1));
  CHECK(attempts_before.contains(3));
}
