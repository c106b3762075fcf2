#include "smtpd/queue/queue.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <thread>

#include "common/base/file.h"
#include "common/base/scratch.h"
#include "common/base/wire.h"
#include "smtpd/queue/check_envelope.h"
#include "smtpd/queue/queue_id.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

struct Store {
  explicit Store(std::chrono::microseconds quick_commit = quick_commit_max) : quick(quick_commit) {
    open();
  }
  ~Store() { queue.reset(); }
  void open() {
    queue.reset();
    Queue::Options options;
    options.directory = scratch.path() / "queue";
    options.ballast_bytes = 4096;
    options.quick_commit = quick;
    auto opened = Queue::open(loop, options, clock);
    if (!opened) FAIL(opened.error().text());
    queue = std::move(opened->queue);
    waiting = std::move(opened->waiting);
    warnings = std::move(opened->warnings);
    was_orderly = opened->was_stopped_orderly;
  }
  std::filesystem::path directory() const { return scratch.path() / "queue"; }

  static Envelope envelope(const QueueId& id, std::size_t body_bytes) {
    Envelope out;
    out.id = id;
    out.arrival = 1'700'000'000'000'000;
    out.sender = "ann@x.test";
    out.body_bytes = body_bytes;
    Piece whole;
    whole.length = body_bytes;
    out.pieces.push_back(std::move(whole));
    Recipient recipient;
    recipient.address = recipient.original = "bob@y.test";
    out.recipients.push_back(std::move(recipient));
    return out;
  }
  Task<> submit_one(std::string body, std::size_t& taken) {
    auto out = envelope(make_queue_id(clock), body.size());
    auto work = queue->submit(std::move(out), std::move(body), Changes());
    auto answer = co_await std::move(work);
    if (answer) ++taken;
  }
  std::size_t submit(std::size_t count) {
    std::size_t taken = 0;
    Nursery submitting(loop);
    for (std::size_t i = 0; i < count; ++i) {
      submitting.start(submit_one("Subject: " + std::to_string(i) + "\n\nbody\n", taken));
    }
    loop.run_until(submitting.join());
    return taken;
  }
  /// Changes one byte in the middle of the write-ahead log.
  void damage_log() {
    for (const auto& file : std::filesystem::directory_iterator(directory() / "db")) {
      if (file.path().extension() != ".log" || file.file_size() < 1000) continue;
      std::fstream log(file.path(), std::ios::in | std::ios::out | std::ios::binary);
      auto at = static_cast<std::streamoff>(file.file_size() / 2);
      char byte = 0;
      log.seekg(at);
      log.get(byte);
      log.seekp(at);
      log.put(static_cast<char>(byte ^ 0x55));
    }
  }

  std::chrono::microseconds quick;
  Loop loop;
  ManualClock clock;
  Scratch scratch;
  std::unique_ptr<Queue> queue;
  std::vector<Queue::Waiting> waiting;
  std::vector<std::string> warnings;
  bool was_orderly = false;
};

/// Opens the queue after a change of its database; how many messages wait, or why it is refused.
std::string open_with(Store& store, const std::function<void(store::Batch&)>& change) {
  store.queue.reset();
  {
    auto database = store::Database::open(store.directory() / "db", store::Profile::queue());
    REQUIRE(database);
    store::Batch batch;
    change(batch);
    REQUIRE(database->commit(batch));
  }
  Queue::Options options;
  options.directory = store.directory();
  auto opened = Queue::open(store.loop, options, store.clock);
  return opened ? std::to_string(opened->waiting.size()) : opened.error().text();
}

}  // namespace

TEST_CASE("changes to one key keep their order in a batch, whatever else is sorted around them") {
  Scratch scratch;
  auto database = store::Database::open(scratch.path() / "db", store::Profile::small());
  REQUIRE(database);
  Changes first;
  first.put("z", "1");
  first.put("b", "old");
  first.erase("z");
  Changes second;
  second.erase("b");
  second.put("a", "2");
  second.put("b", "new");
  store::Batch batch;
  Changes::write(std::vector<const Changes*>{&first, &second}, batch);
  CHECK(batch.count() == 6);
  REQUIRE(database->commit(batch, store::Sync::No));
  CHECK(*database->find("a") == "2");
  CHECK(*database->find("b") == "new");
  CHECK(*database->find("z") == std::nullopt);
}

TEST_CASE("what comes while a commit is under way is one batch, and all of it is there again") {
  std::chrono::microseconds quick{0};
  SUBCASE("commits by a thread") {}
  SUBCASE("commits by the loop") { quick = std::chrono::seconds(10); }
  Store store(quick);
  CHECK(store.submit(500) == 500);
  CHECK(store.queue->committer().commits() < 50);
  store.open();
  CHECK(store.waiting.size() == 500);
  CHECK_FALSE(store.was_orderly);
  store.loop.run_until(store.queue->note_orderly_stop());
  store.open();
  CHECK(store.was_orderly);
  store.open();
  CHECK_FALSE(store.was_orderly);
}

TEST_CASE("one wrong byte in the log costs one message at most, and is named") {
  Store store;
  CHECK(store.submit(1000) == 1000);
  store.queue.reset();
  store.damage_log();
  store.open();
  CHECK(store.waiting.size() >= 999);
  CHECK_FALSE(store.warnings.empty());
  std::size_t readable = 0;
  for (const auto& entry : store.waiting) {
    auto message = store.loop.run_until(store.queue->load(entry.id));
    if (!message || !*message) continue;
    auto text = store.loop.run_until(store.queue->text((*message)->envelope(), 1000));
    if (text && text->ends_with("body\n")) ++readable;
  }
  CHECK(readable >= 999);
}

TEST_CASE(
    "a queue of another format is refused with the reason, one without a format number is tried") {
  Store store;
  CHECK(store.submit(5) == 5);
  store.open();
  CHECK(open_with(store, [](store::Batch& batch) { batch.erase(keys::form); }) == "5");
  CHECK(open_with(store, [&](store::Batch& batch) {
          FirstEnvelope first;
          static_cast<Envelope&>(first) = Store::envelope(store.waiting[0].id, 5);
          batch.put(keys::form, first_form);
          batch.put(keys::envelope(first.id), wire::encode(first));
        }) == "5");
  CHECK(open_with(store, [&](store::Batch& batch) {
          FirstMessageRecord second;
          second.due = 77;
          second.is_held = true;
          batch.put(keys::form, second_form);
          batch.put(keys::message(store.waiting[0].id), wire::encode(second));
        }) == "5");
  CHECK(open_with(store, [&](store::Batch& batch) {
          SecondEnvelope second;
          static_cast<Envelope&>(second) = Store::envelope(store.waiting[1].id, 7);
          second.filter = "smtp:filter.example";  // is not stored
          batch.put(keys::form, third_form);
          batch.put(keys::envelope(second.id), wire::encode(second));
        }) == "5");
  CHECK(open_with(store, [&](store::Batch& batch) {
          FourthEnvelope fourth;
          static_cast<Envelope&>(fourth) = Store::envelope(store.waiting[2].id, 9);
          fourth.filter = "smtp:filter.example";
          fourth.is_junk = true;  // is not stored
          batch.put(keys::form, fourth_form);
          batch.put(keys::envelope(fourth.id), wire::encode(fourth));
        }) == "5");
  CHECK(open_with(store, [&](store::Batch& batch) {
          FifthEnvelope fifth;
          static_cast<Envelope&>(fifth) = Store::envelope(store.waiting[3].id, 11);
          fifth.is_junk = true;
          fifth.verp = "+=";  // is not stored
          batch.put(keys::form, fifth_form);
          batch.put(keys::envelope(fifth.id), wire::encode(fifth));
        }) == "5");
  CHECK(open_with(store, [&](store::Batch& batch) {
          SixthEnvelope sixth;
          static_cast<Envelope&>(sixth) = Store::envelope(store.waiting[4].id, 13);
          sixth.verp = "+=";
          sixth.requires_tls = true;  // is not stored
          batch.put(keys::form, sixth_form);
          batch.put(keys::envelope(sixth.id), wire::encode(sixth));
        }) == "5");
  store.open();
  CHECK(store.waiting[0].due == 77);
  CHECK(store.waiting[0].is_held);
  auto message = store.loop.run_until(store.queue->load(store.waiting[0].id));
  REQUIRE((message && *message));
  CHECK((*message)->record().due == 77);
  CHECK((*message)->envelope().octets() == 5);
  auto of_second = store.loop.run_until(store.queue->load(store.waiting[1].id));
  REQUIRE((of_second && *of_second));
  CHECK((*of_second)->envelope().octets() == 7);
  CHECK((*of_second)->envelope().filter.empty());
  auto of_fourth = store.loop.run_until(store.queue->load(store.waiting[2].id));
  REQUIRE((of_fourth && *of_fourth));
  CHECK((*of_fourth)->envelope().octets() == 9);
  CHECK((*of_fourth)->envelope().filter == "smtp:filter.example");
  CHECK_FALSE((*of_fourth)->envelope().is_junk);
  auto of_fifth = store.loop.run_until(store.queue->load(store.waiting[3].id));
  REQUIRE((of_fifth && *of_fifth));
  CHECK((*of_fifth)->envelope().octets() == 11);
  CHECK((*of_fifth)->envelope().is_junk);
  CHECK((*of_fifth)->envelope().verp.empty());
  auto of_sixth = store.loop.run_until(store.queue->load(store.waiting[4].id));
  REQUIRE((of_sixth && *of_sixth));
  CHECK((*of_sixth)->envelope().octets() == 13);
  CHECK((*of_sixth)->envelope().verp == "+=");
  CHECK_FALSE((*of_sixth)->envelope().requires_tls);
  auto newer = open_with(store, [](store::Batch& batch) { batch.put(keys::form, "99"); });
  CHECK(newer.find("a version with queue format 99; this version reads format 7") !=
        std::string::npos);
  auto older = open_with(store, [](store::Batch& batch) {
    batch.erase(keys::form);
    batch.put(keys::envelope(make_queue_id()), "an envelope of old");
  });
  CHECK(older.find("an older version") != std::string::npos);
  CHECK(older.find("move the directory away") != std::string::npos);
}

TEST_CASE("what no queue of ours writes is damage: the message is refused, the others are listed") {
  Store store;
  CHECK(store.submit(2) == 2);
  store.open();
  const QueueId id = store.waiting[0].id;
  auto load_with = [&](const std::function<void(RecipientRecord&)>& change) {
    RecipientRecord record;
    record.recipient.address = record.recipient.original = "bob@y.test";
    change(record);
    Changes changes;
    changes.put(keys::recipient(id, 0), wire::encode(record));
    store.loop.run_until(store.queue->record(std::move(changes)));
    auto loaded = store.loop.run_until(store.queue->load(id));
    auto listed = store.loop.run_until(store.queue->list(QueueId(std::string()), 10));
    REQUIRE(listed);
    CHECK(listed->size() == 2);
    return loaded && *loaded;
  };
  CHECK(load_with([](RecipientRecord& r) { r.state = RecipientState::Done; }));
  CHECK_FALSE(load_with([](RecipientRecord& r) { r.parent = 0; }));
  CHECK_FALSE(load_with([](RecipientRecord& r) { r.parent = -2; }));
  CHECK_FALSE(load_with([](RecipientRecord& r) { r.recipient.number = 1; }));
  CHECK_FALSE(load_with([](RecipientRecord& r) { r.recipient.notify = 3; }));
  CHECK_FALSE(load_with([](RecipientRecord& r) { r.recipient.notify = 16; }));
  CHECK_FALSE(load_with([](RecipientRecord& r) { r.recipient.run_as = "root"; }));
  CHECK_FALSE(load_with([](RecipientRecord& r) { r.recipient.kind = RecipientKind{4}; }));
  CHECK_FALSE(load_with([](RecipientRecord& r) { r.state = RecipientState{3}; }));
  CHECK_FALSE(load_with([](RecipientRecord& r) { r.report = ReportDue{6}; }));
  CHECK(load_with([](RecipientRecord&) {}));
}

TEST_CASE("the domains for which mail was put off are told, those that wait longest first") {
  Store store;
  CHECK(store.submit(5) == 5);
  store.open();
  auto outcome_of = [&](std::size_t message, std::uint32_t number, const std::string& address,
                        const std::string& reason, RecipientState state) {
    RecipientRecord record;
    record.recipient.number = number;
    record.recipient.address = record.recipient.original = address;
    record.state = state;
    record.reason = reason;
    Changes changes;
    changes.put(keys::recipient(store.waiting[message].id, number), wire::encode(record));
    store.loop.run_until(store.queue->record(std::move(changes)));
  };
  constexpr auto pending = RecipientState::Pending;
  outcome_of(4, 0, "a@late.test", "late", pending);
  outcome_of(3, 0, "a@Y.test", "later", pending);
  outcome_of(2, 1, "b@x.test", "timed out", pending);
  outcome_of(2, 2, "b@done.test", "no such user", RecipientState::Done);
  outcome_of(1, 0, "a@y.test", "first", pending);
  outcome_of(1, 3, "c@untried.test", "", pending);
  auto found = store.loop.run_until(store.queue->put_off(2));
  REQUIRE(found);
  REQUIRE(found->size() == 2);
  CHECK(found->at(0).domain == "y.test");
  CHECK(found->at(0).recipients == 2);
  CHECK(found->at(0).reason == "first");
  CHECK(found->at(0).oldest == time_of_queue_id(store.waiting[1].id.value()) / 1'000'000);
  CHECK(found->at(1).domain == "x.test");
  CHECK(found->at(1).recipients == 1);
}

TEST_CASE("damage is found in whatever is stored of a message, and a sound one has none") {
  Store store;
  CHECK(store.submit(1) == 1);
  store.open();
  const QueueId id = store.waiting.at(0).id;
  auto damage_with = [&](Changes changes) {
    store.loop.run_until(store.queue->record(std::move(changes)));
    auto found = store.loop.run_until(store.queue->find_damage(id));
    REQUIRE(found);
    return found->value_or("sound");
  };
  CHECK(damage_with(Changes()) == "sound");
  Changes shorter;
  shorter.put(keys::body(id), "short");
  CHECK(damage_with(std::move(shorter)) == id.value() + ": the body is incomplete");
  Changes outcome;
  outcome.put(keys::recipient(id, 0), "not a record");
  CHECK(damage_with(std::move(outcome)) == id.value() + ": a recipient's record is damaged");
  auto removal = store.loop.run_until(store.queue->removal(id));
  CHECK(damage_with(std::move(removal)) == "sound");
}

TEST_CASE("nothing is left of a damaged message that an admin removes") {
  Store store;
  CHECK(store.submit(1) == 1);
  store.open();
  const QueueId id = store.waiting.at(0).id;
  Changes damage;
  damage.put(keys::recipient(id, 0), "not a record");
  store.loop.run_until(store.queue->record(std::move(damage)));
  CHECK_FALSE(store.loop.run_until(store.queue->load(id)));
  auto removal = store.loop.run_until(store.queue->removal(id));
  store.loop.run_until(store.queue->record(std::move(removal)));
  CHECK_FALSE(*store.loop.run_until(store.queue->has(keys::recipient(id, 0))));
  store.open();
  CHECK(store.waiting.empty());
}

TEST_CASE("an incomplete body file is refused") {
  Store store;
  QueueId id = make_queue_id(store.clock);
  auto file = store.loop.run_until(store.queue->open_body(id));
  REQUIRE(file);
  REQUIRE(write_all(file->number(), "short", "a body"));
  auto envelope = Store::envelope(id, 100'000);
  envelope.body_is_file = true;
  auto work = store.queue->submit(std::move(envelope), "", Changes());
  CHECK_FALSE(store.loop.run_until(std::move(work)));
  CHECK_FALSE(store.loop.run_until(store.queue->open_body(QueueId("../x"))));
}

TEST_CASE("queue ids are never the same, and sort by time") {
  ManualClock clock;
  std::set<std::string> seen;
  std::string last;
  for (int i = 0; i < 10'000; ++i) {
    if (i % 3 == 0) clock.advance(Microseconds(1));
    if (i == 5'000) clock.advance(Microseconds(-100));
    std::string id = make_queue_id(clock).value();
    CHECK(is_queue_id(id));
    CHECK(id > last);
    last = id;
    seen.insert(id);
  }
  CHECK(seen.size() == 10'000);
  CHECK_FALSE(is_queue_id("0123456789ABCDE"));
  CHECK_FALSE(is_queue_id("../../etc/passw"));
  CHECK_FALSE(is_queue_id(""));
}

TEST_CASE("a list that begins just before an id has it, and not those that were made earlier") {
  ManualClock clock{std::chrono::seconds(1'700'000'000)};
  const auto first = make_queue_id(clock).value();
  const auto second = make_queue_id(clock).value();
  const auto before = just_before_queue_id(second);
  CHECK(is_queue_id(before));
  CHECK(before < second);
  CHECK(before > first);
  CHECK(just_before_queue_id("no id").empty());
}

TEST_CASE("a recipient's key tells its number, be it large") {
  auto id = make_queue_id();
  for (std::uint32_t number : {0u, 1u, 255u, 256u, 70'000u, 0xfedc'ba98u}) {
    auto key = keys::recipient(id, number);
    CHECK(keys::number_of(key) == number);
    CHECK(key.starts_with(keys::recipients_of(id)));
  }
  CHECK(keys::recipient(id, 255) < keys::recipient(id, 256));
}

TEST_CASE("what was saved is not written again") {
  QueuedMessage message(Store::envelope(make_queue_id(), 10));
  Recipient child;
  child.address = "a@x.test";
  REQUIRE(message.expand(0, {child}, 10));
  Changes first;
  message.save(first);
  CHECK_FALSE(first.empty());
  Changes second;
  message.save(second);
  CHECK(second.empty());
  message.change(0).reason = "still later";
  message.save(second);
  CHECK_FALSE(second.empty());
}

TEST_CASE("the record of a message that is lost says nothing of the others") {
  Store store;
  auto lost = make_queue_id(store.clock);
  std::size_t taken = 0;
  store.loop.run_until(store.submit_one("Subject: x\n\n", taken));
  REQUIRE(taken == 1);
  MessageRecord record;
  record.due = 42;
  record.is_held = true;
  Changes changes;
  changes.put(keys::message(lost), wire::encode(record));
  store.loop.run_until(store.queue->record(std::move(changes)));
  store.open();
  REQUIRE(store.waiting.size() == 1);
  CHECK(store.waiting[0].id != lost);
  CHECK(store.waiting[0].due == 1'700'000'000);
  CHECK_FALSE(store.waiting[0].is_held);
  CHECK(store.waiting[0].is_new);
}

TEST_CASE("an unfinished child goes when its parent is expanded again, a finished one stays") {
  QueueId id = make_queue_id();
  QueuedMessage message(Store::envelope(id, 10));
  auto child = [](const std::string& address) {
    Recipient recipient;
    recipient.address = address;
    return recipient;
  };
  auto added = message.expand(0, {child("a@x.test"), child("b@X.test"), child("b@x.test")}, 10);
  REQUIRE(added);
  REQUIRE(added->size() == 2);
  message.change((*added)[0]).state = RecipientState::Done;
  message.expand_again();
  CHECK(message.pending() == std::vector<std::uint32_t>{0});
  auto again = message.expand(0, {child("a@x.test"), child("c@x.test")}, 10);
  REQUIRE(again);
  REQUIRE(again->size() == 1);
  CHECK(message.recipient((*again)[0]).recipient.address == "c@x.test");
  CHECK((*again)[0] == 3);  // numbers are never used again
}

TEST_CASE("redirected mail that was stored as well is not delivered again with its redirects") {
  Envelope envelope = Store::envelope(make_queue_id(), 10);
  envelope.recipients[0].notify = notify_success | notify_failure;
  QueuedMessage message(std::move(envelope));
  message.change(0).state = RecipientState::Done;
  message.change(0).report = ReportDue::Delivered;
  Recipient carol = message.recipient(0).recipient;
  carol.address = "carol@x.test";
  auto added = message.redirect(0, {carol, carol}, 10);
  REQUIRE(added);
  REQUIRE(added->size() == 1);
  CHECK(message.pending() == *added);
  CHECK(message.recipient(0).report == ReportDue::Delivered);
  CHECK(message.recipient((*added)[0]).recipient.notify == notify_failure);
  message.expand_again();
  CHECK(message.pending() == *added);
  // Back to where it came from.
  auto back = message.redirect((*added)[0], {message.recipient(0).recipient}, 10);
  REQUIRE(back);
  REQUIRE(back->size() == 1);
  CHECK(message.recipient((*back)[0]).status == "5.4.6");
  CHECK_FALSE(message.redirect(0, std::vector<Recipient>(message_recipients_max, carol), 10));
}

TEST_CASE("a child whose parent was lost with a damaged log stays when all is expanded again") {
  RecipientRecord child;
  child.recipient.number = 5;
  child.recipient.address = "ann@x.test";
  child.parent = 4;
  QueuedMessage message(Store::envelope(make_queue_id(), 10), std::nullopt, {child});
  message.expand_again();
  CHECK(message.pending() == std::vector<std::uint32_t>{0, 5});
}

TEST_CASE("an alias of several members answers NOTIFY=SUCCESS itself, a single child inherits it") {
  struct Row {
    std::uint8_t notify;
    std::size_t children;
    bool is_list;
    std::uint8_t left;
    ReportDue report;
  };
  constexpr std::uint8_t all = notify_success | notify_failure | notify_delay;
  constexpr std::uint8_t rest = notify_failure | notify_delay;
  for (const Row& row : {Row{notify_success, 1, false, notify_success, ReportDue::None},
                         Row{notify_success, 2, false, notify_never, ReportDue::Expanded},
                         Row{all, 2, false, rest, ReportDue::Expanded},
                         Row{notify_failure, 2, false, notify_failure, ReportDue::None},
                         Row{notify_never, 2, false, notify_never, ReportDue::None},
                         Row{notify_default, 2, false, notify_default, ReportDue::None},
                         Row{all, 1, true, notify_default, ReportDue::Delivered},
                         Row{notify_default, 2, true, notify_default, ReportDue::None}}) {
    CAPTURE(int{row.notify});
    CAPTURE(row.is_list);
    Envelope envelope = Store::envelope(make_queue_id(), 10);
    envelope.recipients[0].notify = row.notify;
    QueuedMessage message(std::move(envelope));
    std::vector<Recipient> children(row.children, message.recipient(0).recipient);
    for (std::size_t i = 0; i < children.size(); ++i) {
      children[i].address = "member" + std::to_string(i) + "@x.test";
      if (!row.is_list) continue;
      children[i].has_own_sender = true;
      children[i].sender = "owner-list@x.test";
      children[i].notify = notify_default;  // as the Router sets it
    }
    auto added = message.expand(0, children, 10);
    REQUIRE(added);
    CHECK(message.recipient(0).report == row.report);
    for (auto number : *added) CHECK(message.recipient(number).recipient.notify == row.left);
    // The sender was told already; expanding again reports nothing.
    message.change(0).report = ReportDue::None;
    message.expand_again();
    children[0].notify = message.recipient(0).recipient.notify;
    REQUIRE(message.expand(0, children, 10));
    CHECK(message.recipient(0).report == ReportDue::None);
  }
}

TEST_CASE("\\ann in another alias means ann's mailbox, once, and is no loop") {
  QueuedMessage message(Store::envelope(make_queue_id(), 10));
  auto child = [](const std::string& address, bool is_self = false) {
    Recipient recipient;
    recipient.address = address;
    recipient.is_self = is_self;
    return recipient;
  };
  auto team = message.expand(0,
                             {child("ann@x.test", true), child("ann@X.test", true),
                              child("ann@x.test"), child("ann@x.test")},
                             10);
  REQUIRE(team);
  REQUIRE(team->size() == 2);
  CHECK(message.recipient((*team)[0]).recipient.is_self);
  CHECK_FALSE(message.recipient((*team)[1]).recipient.is_self);
  // ann's own alias leads to bob and to her mailbox, which the message has reached already.
  auto ann = message.expand((*team)[1], {child("bob@x.test"), child("ann@x.test")}, 10);
  REQUIRE(ann);
  REQUIRE(ann->size() == 1);
  // Below her alias, too, `\ann` is her mailbox and `ann` is a loop.
  auto bob = message.expand(ann->front(), {child("ann@x.test", true), child("ann@x.test")}, 10);
  REQUIRE(bob);
  REQUIRE(bob->size() == 1);
  CHECK(message.recipient(bob->front()).status == "5.4.6");
}

TEST_CASE("expansion ends at the depth limit") {
  QueueId id = make_queue_id();
  QueuedMessage message(Store::envelope(id, 10));
  std::uint32_t number = 0;
  for (int depth = 1; depth <= 3; ++depth) {
    Recipient child;
    child.address = "level" + std::to_string(depth) + "@x.test";
    auto added = message.expand(number, {child}, 2);
    REQUIRE(added);
    number = added->front();
  }
  CHECK(message.pending().empty());
  CHECK(message.recipient(number).report == ReportDue::Failed);
  CHECK(message.recipient(number).status == "5.4.6");
}

TEST_CASE("an envelope that no honest receiver makes is refused, at each of its limits") {
  auto refused = [](const std::function<void(Envelope&)>& change) {
    Envelope envelope = Store::envelope(make_queue_id(), 10);
    REQUIRE(check_envelope(envelope, 10));
    change(envelope);
    return !check_envelope(envelope, 10);
  };
  CHECK_FALSE(refused([](Envelope& e) { e.sender = std::string(envelope_text_bytes_max, 's'); }));
  CHECK(refused([](Envelope& e) { e.sender = std::string(envelope_text_bytes_max + 1, 's'); }));
  CHECK(refused([](Envelope& e) { e.helo = "a\nb"; }));
  CHECK(refused([](Envelope& e) { e.pieces.resize(envelope_pieces_max + 1); }));
  CHECK(refused([](Envelope& e) {
    e.pieces.resize(2);
    e.pieces[1].text.resize(added_text_bytes_max + 1);
  }));
  CHECK(refused([](Envelope& e) { e.pieces[0].offset = 1; }));
  CHECK(refused([](Envelope& e) { e.recipients.clear(); }));
  CHECK(refused([](Envelope& e) { e.recipients[0].is_self = true; }));
  CHECK(refused([](Envelope& e) { e.recipients[0].via = "staff@x.test"; }));
  CHECK(refused([](Envelope& e) { e.recipients[0].notify = notify_never | notify_delay; }));
  CHECK(refused([](Envelope& e) { e.recipients[0].kind = RecipientKind::Command; }));
  CHECK(refused([](Envelope& e) {
    e.recipients.resize(message_recipients_max + 1, e.recipients[0]);
    for (std::uint32_t i = 0; i < e.recipients.size(); ++i) e.recipients[i].number = i;
  }));
}

TEST_CASE("a message has at most message_recipients_max recipients, its children counted") {
  QueuedMessage message(Store::envelope(make_queue_id(), 10));
  Recipient child;
  child.address = "a@x.test";
  auto expanded = message.expand(0, std::vector<Recipient>(message_recipients_max, child), 10);
  REQUIRE_FALSE(expanded);
  CHECK(expanded.error().code() == 554);
  CHECK(message.expand(0, std::vector<Recipient>(message_recipients_max - 1, child), 10));
}

TEST_CASE("a queue waits while its predecessor still has the database") {
  Store store;
  store.queue.reset();
  auto held = store::Database::open(store.directory() / "db", store::Profile::queue());
  REQUIRE(held);
  std::jthread predecessor([database = std::optional(std::move(*held))]() mutable {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    database.reset();
  });
  store.open();
  CHECK(store.submit(1) == 1);
}
