// A queue and a scheduler for unit tests, which play the other processes.
#pragma once

#include <doctest/doctest.h>
#include <algorithm>

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/file.h"
#include "common/base/scratch.h"
#include "common/config/testing.h"
#include "common/log/log.h"
#include "smtpd/queue/queue_id.h"
#include "smtpd/routing/messages.h"
#include "smtpd/scheduler/scheduler.h"

namespace pennypost::smtp {

/// One process of a kind, at the other end of a socket pair.
struct Peer {
  Peer(Loop& loop, std::string kind) : port(loop, std::move(kind)), tasks(loop) {
    auto [a, b] = socket_pair();
    auto link = std::make_shared<Link>(loop, std::move(a), here, ProcessNumber(2));
    port.add(link);
    tasks.start(link->run());
    server = std::make_shared<Link>(loop, std::move(b), services, ProcessNumber(1));
    tasks.start(server->run());
  }
  Services here;
  Services services;
  Port port;
  std::shared_ptr<Link> server;
  Nursery tasks;
};

/// A queue and a scheduler in a scratch directory; the other processes answer as the test says.
struct World {
  explicit World(std::vector<std::string> overrides = {})
      : config(config_for_test(std::move(overrides))) {
    lookup.services.on<Resolve>(
        [this](Resolve ask, std::vector<Descriptor>) { return resolve(std::move(ask)); });
    lookup.services.on<NoteMailbox>([this](NoteMailbox note, std::vector<Descriptor>) {
      notes.push_back(note.account + (note.is_full ? " full" : " has room"));
      return done();
    });
    lookup.services.on<LookAtTables>([this](LookAtTables, std::vector<Descriptor>) {
      resolved.emplace_back("(tables)");
      return done();
    });
    for (auto* peer : {&send, &own}) {
      peer->services.on<Attempt>([this](Attempt ask, std::vector<Descriptor> files) {
        return attempt(std::move(ask), std::move(files));
      });
    }
    master.services.on<NeedDeliver>(
        [this](NeedDeliver, std::vector<Descriptor>) { return need_deliver(); });
    open();
  }
  ~World() { close(); }

  void open() {
    Queue::Options options;
    options.directory = scratch.path() / "queue";
    auto opened = Queue::open(loop, options, clock);
    REQUIRE(opened);
    queue = std::move(opened->queue);
    warnings = opened->warnings;
    Scheduler::Peers peers;
    peers.port = [this](std::string_view kind) -> Port& {
      if (kind == "lookup") return lookup.port;
      if (kind == "send") return send.port;
      if (kind == "master") return master.port;
      CHECK(kind == "deliver:own");
      return own.port;
    };
    peers.config = [this] { return config; };
    peers.templates = [this] { return templates; };
    scheduler = std::make_unique<Scheduler>(loop, *queue, std::move(peers), clock);
    scheduler->begin(opened->waiting, !opened->was_stopped_orderly);
  }
  void close() {
    scheduler.reset();
    queue.reset();
  }
  /// Reopens the queue as after kill -9.
  void crash() {
    close();
    open();
  }
  void stop_orderly() {
    loop.run_until(scheduler->drain());
    if (scheduler->is_all_certain()) loop.run_until(queue->note_orderly_stop());
    close();
  }

  static Task<Result<Done>> done() { co_return Done(); }
  Task<Result<NeedDeliver::Where>> need_deliver() {
    if (deliver_refusal) co_return *deliver_refusal;
    NeedDeliver::Where where;
    where.kind = "deliver:own";
    co_return std::move(where);
  }
  Task<Result<Resolution>> resolve(Resolve ask) {
    resolved.push_back(ask.recipient.address);
    co_return on_resolve(ask);
  }
  Task<Result<Attempt::Outcomes>> attempt(Attempt ask, std::vector<Descriptor> files) {
    std::string body = ask.body;
    if (!files.empty()) {
      auto range = read_exactly(files[0].number(), 0, ask.envelope.body_bytes, "the body");
      body = range ? *range : "unreadable";
    }
    Attempt::Outcomes outcomes;
    sent_to.insert(ask.route.next_hop);
    for (const auto& recipient : ask.envelope.recipients) {
      attempts.push_back(recipient.address + (ask.is_repeat ? " repeat" : ""));
      if (!gives_outcomes) continue;
      Outcome outcome = on_whole_attempt ? on_whole_attempt(ask, recipient) : on_attempt(recipient);
      outcome.recipient = recipient.number;
      outcomes.outcomes.push_back(std::move(outcome));
      if (outcomes.outcomes.back().kind == OutcomeKind::Delivered) {
        delivered.emplace_back(ask.envelope, body);
      }
      if (silent.contains(recipient.address)) co_await never.wait();
    }
    co_return std::move(outcomes);
  }

  Task<> until_idle() {
    // Each message between processes takes some turns of the loop; commits take real time.
    for (int quiet = 0; quiet < 20; ++quiet) {
      if (scheduler->is_busy()) quiet = 0;
      co_await loop.sleep(std::chrono::milliseconds(1));
    }
  }
  void settle() { loop.run_until(until_idle()); }

  Result<void> submit(const std::vector<std::string>& recipients, std::string sender = "ann@x.test",
                      std::uint8_t notify = notify_default, std::string on_top = "",
                      std::string envid = "") {
    Envelope envelope;
    envelope.id = last_id = make_queue_id(clock);
    envelope.arrival = clock.now().count();
    envelope.sender = std::move(sender);
    if (!envid.empty()) envelope.ret = Ret::Full;
    envelope.envid = std::move(envid);
    envelope.verp = verp;
    envelope.requires_tls = requires_tls;
    envelope.is_tls_optional = is_tls_optional;
    std::string body = on_top + "Subject: hello\n\nbody\n";
    envelope.body_bytes = body.size();
    envelope.body_line_ends = static_cast<std::uint64_t>(std::ranges::count(body, '\n'));
    Piece whole;
    whole.length = body.size();
    envelope.pieces.push_back(whole);
    for (const auto& address : recipients) {
      Recipient recipient;
      recipient.number = static_cast<std::uint32_t>(envelope.recipients.size());
      recipient.address = recipient.original = address;
      recipient.notify = notify;
      envelope.recipients.push_back(std::move(recipient));
    }
    auto work = scheduler->submit(std::move(envelope), std::move(body));
    return loop.run_until(std::move(work));
  }

  /// Submits a message that is deferred at its first attempt; all later ones are deferred, too.
  QueueId submit_deferred() {
    on_attempt = [](const Recipient&) { return outcome(OutcomeKind::Retry, "4.2.0", "busy"); };
    REQUIRE(submit({"bob@there.test"}));
    settle();
    return last_id;
  }

  Loop loop;
  Event never{loop};
  ManualClock clock;
  Scratch scratch;
  std::shared_ptr<const Config> config;
  std::shared_ptr<const BounceTemplates> templates;
  Peer lookup{loop, "lookup"};
  Peer send{loop, "send"};
  Peer own{loop, "deliver:own"};
  Peer master{loop, "master"};
  bool gives_outcomes = true;
  std::string verp;  // of what is submitted
  bool requires_tls = false;
  bool is_tls_optional = false;
  std::optional<Error> deliver_refusal;  // the master's answer
  std::vector<std::string> warnings;
  std::vector<std::string> resolved;
  std::vector<std::string> notes;
  std::vector<std::string> attempts;
  std::multiset<std::string> sent_to;  // the next hop of each attempt
  std::set<std::string> silent;  // attempts for these are made, and nobody learns how they ended
  std::vector<std::pair<Envelope, std::string>> delivered;
  QueueId last_id{std::string()};
  std::function<Resolution(const Resolve&)> on_resolve = [](const Resolve& ask) {
    return route_to(
        ask.recipient.address.ends_with("@here.test") ? Transport::Local : Transport::Smtp,
        ask.recipient.address.substr(ask.recipient.address.find('@') + 1));
  };
  std::function<Outcome(const Recipient&)> on_attempt = [](const Recipient&) {
    return outcome(OutcomeKind::Delivered, "2.0.0", "ok");
  };
  /// Asked in place of on_attempt, where it is set.
  std::function<Outcome(const Attempt&, const Recipient&)> on_whole_attempt;
  LogCapture log;
  std::unique_ptr<Queue> queue;
  std::unique_ptr<Scheduler> scheduler;

  static Resolution route_to(Transport transport, std::string next_hop) {
    Resolution resolution;
    resolution.route.transport = transport;
    resolution.route.next_hop = std::move(next_hop);
    if (transport == Transport::Local) resolution.route.account.name = "somebody@here.test";
    return resolution;
  }
  static Resolution expansion(const std::vector<std::string>& addresses, const Recipient& parent) {
    Resolution resolution;
    resolution.is_expansion = true;
    for (const auto& address : addresses) {
      Recipient child = parent;
      child.address = address;
      resolution.children.push_back(std::move(child));
    }
    return resolution;
  }
  static Outcome outcome(OutcomeKind kind, std::string status, std::string reason) {
    Outcome out;
    out.kind = kind;
    out.status = std::move(status);
    out.reason = std::move(reason);
    out.relay = "relay.test[192.0.2.1]:25";
    return out;
  }
  bool has_line(std::string_view part) const {
    for (const auto& line : log.lines()) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }
};

}  // namespace pennypost::smtp
