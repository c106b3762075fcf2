#include "smtpd/scheduler/waiting_client.h"

#include "common/async/nursery.h"
#include "smtpd/scheduler/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// A world with one client who waits for its mail.
struct ClientWorld : World {
  using World::World;

  Envelope envelope_for(const std::vector<std::string>& recipients) {
    Envelope envelope;
    envelope.id = last_id = make_queue_id(clock);
    envelope.arrival = clock.now().count();
    envelope.sender = "ann@x.test";
    envelope.body_bytes = 5;
    Piece whole;
    whole.length = 5;
    envelope.pieces.push_back(whole);
    for (const auto& address : recipients) {
      Recipient recipient;
      recipient.number = static_cast<std::uint32_t>(envelope.recipients.size() + 1);
      recipient.address = recipient.original = address;
      envelope.recipients.push_back(std::move(recipient));
    }
    return envelope;
  }

  static std::string text_of(const std::vector<Fate>& fates) {
    std::string text;
    for (const auto& fate : fates) text += std::to_string(fate.code) + " " + fate.status + ", ";
    return text.substr(0, text.size() - std::min<std::size_t>(text.size(), 2));
  }

  Task<std::string> deliver(std::vector<std::string> recipients, std::vector<std::uint32_t> asked,
                            Duration longest = std::chrono::seconds(60)) {
    auto client = std::make_shared<WaitingClient>(loop, std::move(asked));
    auto work = scheduler->submit(envelope_for(recipients), "body\n", Changes(), client);
    auto taken = co_await std::move(work);
    REQUIRE(taken);
    fates = co_await client->wait(longest);
    co_return text_of(fates);
  }

  /// The codes that the client gets.
  std::string answer(std::vector<std::string> recipients, std::vector<std::uint32_t> asked) {
    auto text = loop.run_until(deliver(std::move(recipients), std::move(asked)));
    settle();
    return text;
  }

  Task<> hold_last() { co_await scheduler->hold(last_id); }

  std::vector<Fate> fates;
  Nursery admin{loop};
};

Outcome by_name(const Recipient& recipient) {
  const auto& name = recipient.address;
  if (name.starts_with("full")) return World::outcome(OutcomeKind::Retry, "4.2.2", "no room");
  if (name.starts_with("down")) return World::outcome(OutcomeKind::Retry, "4.4.1", "no route");
  if (name.starts_with("gone")) return World::outcome(OutcomeKind::Bounce, "5.1.1", "no user");
  if (name.starts_with("big")) return World::outcome(OutcomeKind::Bounce, "5.2.2", "too big");
  if (name.starts_with("bad")) return World::outcome(OutcomeKind::Bounce, "5.6.0", "bad");
  return World::outcome(OutcomeKind::Delivered, "2.0.0", "ok");
}

}  // namespace

TEST_CASE(
    "a waiting client learns each recipient's fate; what was not delivered is its own again") {
  ClientWorld world;
  world.on_attempt = by_name;
  CHECK(world.answer({"bob@here.test", "full@here.test", "gone@here.test", "big@here.test",
                      "down@here.test", "bad@here.test"},
                     {1, 2, 3, 4, 5, 6}) ==
        "250 2.0.0, 452 4.2.2, 550 5.1.1, 552 5.2.2, 451 4.4.1, 554 5.6.0");
  CHECK(world.fates[0].text == "Ok: " + world.last_id.value() + ": ok");
  CHECK(world.fates[1].text == "<full@here.test>: no room");
  // Nothing waits, and nobody gets a report.
  CHECK(world.scheduler->size() == 0);
  CHECK(world.attempts.size() == 6);
  CHECK(world.has_line(world.last_id.value() + ": left with the LMTP client: 5 recipients"));
}

TEST_CASE(
    "a recipient is answered for as often as it is asked about, and one that is gone by the "
    "worst") {
  ClientWorld world;
  world.on_attempt = by_name;
  CHECK(world.answer({"bob@here.test", "gone@here.test", "full@here.test"}, {2, 1, 2, 9, 3}) ==
        "550 5.1.1, 250 2.0.0, 550 5.1.1, 452 4.2.2, 452 4.2.2");
}

TEST_CASE("recipients that no client asks about are the queue's, with its retries and reports") {
  ClientWorld world;
  world.on_attempt = by_name;
  CHECK(world.answer({"bob@here.test", "full@here.test", "gone@here.test"}, {1}) == "250 2.0.0");
  CHECK(world.scheduler->size() == 1);
  CHECK(world.attempts.back() == "ann@x.test");
}

TEST_CASE("an alias is delivered if one of its members is; the others are the queue's") {
  ClientWorld world;
  world.on_attempt = by_name;
  world.on_resolve = [](const Resolve& ask) {
    const auto& address = ask.recipient.address;
    auto colon = address.find('=');
    if (colon == std::string::npos || ask.recipient.is_self) {
      return World::route_to(Transport::Local, "here.test");
    }
    std::vector<std::string> members;
    std::string name = address.substr(0, address.find('@'));
    for (std::size_t at = 0; at < name.size();) {
      auto end = std::min(name.find('=', at), name.size());
      members.push_back(name.substr(at, end - at) + "@here.test");
      at = end + 1;
    }
    return World::expansion(members, ask.recipient);
  };
  SUBCASE("to one, while others fail or wait") {
    CHECK(world.answer({"bob=full=gone@here.test"}, {1}) == "250 2.0.0");
    CHECK(world.scheduler->size() == 1);
    CHECK(world.attempts.back() == "ann@x.test");
  }
  SUBCASE("to none, and one may yet be delivered to") {
    CHECK(world.answer({"gone=full@here.test"}, {1}) == "452 4.2.2");
    CHECK(world.scheduler->size() == 0);
    CHECK(world.attempts.size() == 2);
  }
  SUBCASE("to none, for good") {
    CHECK(world.answer({"gone=bad@here.test"}, {1}).starts_with("55"));
    CHECK(world.scheduler->size() == 0);
    CHECK(world.attempts.size() == 2);
  }
  SUBCASE("to one that another recipient leads to as well") {
    CHECK(world.answer({"bob@here.test", "bob=bob@here.test"}, {1, 2}) == "250 2.0.0, 250 2.0.0");
    CHECK(world.attempts.size() == 1);
    CHECK(world.scheduler->size() == 0);
  }
}

TEST_CASE("a client that waits too long gets 250, and the message is the queue's") {
  ClientWorld world;
  world.silent.insert("bob@here.test");
  auto work = world.deliver({"bob@here.test"}, {1}, std::chrono::seconds(2));
  CHECK(world.loop.run_until(std::move(work)) == "250 2.0.0");
  CHECK(world.fates[0].text == "Ok: queued");
  world.silent.clear();
  world.on_attempt = by_name;
  world.crash();
  world.settle();
  CHECK(world.attempts == std::vector<std::string>{"bob@here.test", "bob@here.test repeat"});
}

TEST_CASE("a message that an admin holds meanwhile is answered 250 and stays") {
  ClientWorld world;
  world.on_attempt = [&](const Recipient& recipient) {
    world.admin.start(world.hold_last());
    return by_name(recipient);
  };
  CHECK(world.answer({"full@here.test"}, {1}) == "250 2.0.0");
  CHECK(world.scheduler->size() == 1);
}

TEST_CASE("mail that a client waits for is tried before other new mail") {
  ClientWorld world({"qmgr_message_active_limit=1", "in_flow_delay=0s"});
  world.silent.insert("slow@here.test");
  REQUIRE(world.submit({"slow@here.test"}));
  REQUIRE(world.submit({"second@here.test"}));
  auto id = world.last_id;
  auto client = std::make_shared<WaitingClient>(world.loop, std::vector<std::uint32_t>{1});
  auto work = world.scheduler->submit(world.envelope_for({"waited@here.test"}), "body\n", Changes(),
                                      client);
  REQUIRE(world.loop.run_until(std::move(work)));
  world.silent.clear();
  world.never.notify_all();
  world.settle();
  CHECK(world.attempts ==
        std::vector<std::string>{"slow@here.test", "waited@here.test", "second@here.test"});
}

TEST_CASE("after a crash what a client waited for is delivered, if need be twice, and never lost") {
  ClientWorld world;
  world.silent.insert("bob@here.test");
  auto work = world.deliver({"bob@here.test"}, {1}, std::chrono::milliseconds(1));
  world.loop.run_until(std::move(work));
  world.silent.clear();
  world.crash();
  world.settle();
  CHECK(world.attempts.back() == "bob@here.test repeat");
  CHECK(world.scheduler->size() == 0);
}
