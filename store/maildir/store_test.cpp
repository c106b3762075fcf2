#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <thread>

#include "common/base/scratch.h"
#include "common/base/text.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"
#include "store/maildir/filename.h"
#include "store/maildir/store.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

struct Home {
  Scratch scratch;
  StoreSettings settings;
  std::string root = scratch / "Maildir";

  Home() {
    settings.hostname = "mx.example.org";
    settings.fsync = false;
  }
  std::unique_ptr<MailStore> store() const {
    MailLocation location;
    location.root = location.inbox = location.index = root;
    return std::make_unique<MaildirStore>(location, settings);
  }
  std::vector<std::string> names(const std::string& part) const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(root + "/" + part)) {
      found.push_back(entry.path().filename().string());
    }
    std::ranges::sort(found);
    return found;
  }
};

Delivery message_for(std::string_view body, std::uint32_t number = 1) {
  Delivery delivery;
  delivery.return_path = "ann@example.net";
  delivery.delivered_to = "bob@example.org";
  delivery.original_to = "staff@example.org";
  delivery.queue_id = "4Zk2Qn1";
  delivery.recipient_number = number;
  delivery.arrival_seconds = 1'700'000'000;
  delivery.body = {body};
  return delivery;
}

DeliveryOutcome deliver(MailStore& store, const Delivery& delivery) {
  KeepInInbox keep;
  return store.deliver(delivery, keep);
}

NewMessage new_message(std::string_view body, Flags flags = {},
                       std::vector<std::string> keywords = {}) {
  NewMessage message;
  message.body = {body};
  message.flags = flags;
  message.keywords = std::move(keywords);
  return message;
}

std::vector<Uid> append(MailStore& store, const std::string& folder, const NewMessage& message) {
  auto appended = store.append(*store.parse_name(folder), std::span(&message, 1));
  REQUIRE(appended);
  return appended->uids;
}

std::unique_ptr<Mailbox> open(MailStore& store, const std::string& folder = "INBOX",
                              Access access = Access::ReadWrite) {
  auto mailbox = store.open(*store.parse_name(folder), access);
  if (!mailbox) MESSAGE(mailbox.error().text());
  REQUIRE(mailbox);
  return *std::move(mailbox);
}

std::vector<std::uint32_t> uids(const Mailbox& mailbox) {
  std::vector<std::uint32_t> numbers;
  for (const auto& message : mailbox.messages()) numbers.push_back(message.uid.value());
  return numbers;
}

Changes sync(Mailbox& mailbox) {
  auto changes = mailbox.sync();
  if (!changes) MESSAGE(changes.error().text());
  REQUIRE(changes);
  return *std::move(changes);
}

FlagChange add(Flags flags, std::vector<std::string> keywords = {}) {
  FlagChange change;
  change.flags = flags;
  change.keywords = std::move(keywords);
  return change;
}

std::string slurp(const std::string& path) { return read_file(path, 1 << 20)->value_or(""); }

}  // namespace

TEST_CASE("a delivered message is read back as sent, with our headers on top") {
  Home home;
  auto store = home.store();
  auto outcome = deliver(*store, message_for("Subject: hi\r\n\r\nline\r\n.dot\r\n"));
  CHECK(outcome.kind == DeliveryOutcome::Kind::Delivered);
  CHECK(outcome.dsn == "2.0.0");
  CHECK(outcome.reason == "delivered to maildir");
  CHECK(home.names("new") ==
        std::vector<std::string>{"1700000000.Q4Zk2Qn1R1.mx.example.org,S=117,W=124"});
  CHECK(home.names("tmp").empty());

  auto inbox = open(*store);
  REQUIRE(inbox->messages().size() == 1);
  auto uid = inbox->messages()[0].uid;
  CHECK(uid == Uid(1));
  CHECK(inbox->is_recent(inbox->messages()[0].uid));
  auto reader = inbox->open(uid);
  REQUIRE(reader);
  auto text = reader->all();
  REQUIRE(text);
  CHECK(*text ==
        "Return-Path: <ann@example.net>\r\nX-Original-To: staff@example.org\r\n"
        "Delivered-To: bob@example.org\r\nSubject: hi\r\n\r\nline\r\n.dot\r\n");
  CHECK(*inbox->octets(uid) == text->size());
  CHECK(*reader->octets() == text->size());
  CHECK(home.names("new").empty());
}

TEST_CASE("a repeated attempt stores nothing new, wherever the reader has moved the first") {
  Home home;
  auto store = home.store();
  auto delivery = message_for("Subject: once\r\n\r\n");
  deliver(*store, delivery);
  CHECK(deliver(*store, delivery).kind == DeliveryOutcome::Kind::Delivered);
  CHECK(home.names("new").size() == 1);
  auto inbox = open(*store);
  Uid uid = inbox->messages()[0].uid;
  REQUIRE(inbox->store(std::span(&uid, 1), add(Flags::Seen)));
  CHECK(deliver(*store, delivery).kind == DeliveryOutcome::Kind::Delivered);
  CHECK(home.names("new").empty());
  delivery.maybe_repeated = false;
  delivery.recipient_number = 2;
  deliver(*store, delivery);
  CHECK(home.names("new").size() == 1);
  // The same recipient number without looking: the name itself is in the way.
  CHECK(deliver(*store, delivery).kind == DeliveryOutcome::Kind::Delivered);
  CHECK(home.names("new").size() == 1);
}

TEST_CASE("UIDs and UIDVALIDITY outlive sessions, expunges and lost files") {
  Home home;
  auto store = home.store();
  for (std::uint32_t i = 1; i <= 3; ++i) deliver(*store, message_for("Subject: x\n\n", i));
  std::uint32_t validity = 0;
  {
    auto inbox = open(*store);
    validity = inbox->uid_validity();
    CHECK(uids(*inbox) == std::vector<std::uint32_t>{1, 2, 3});
    Uid last(3);
    CHECK(inbox->expunge(std::span(&last, 1))->size() == 1);
    CHECK(uids(*inbox) == std::vector<std::uint32_t>{1, 2});
  }
  deliver(*store, message_for("Subject: y\n\n", 4));
  auto inbox = open(*store);
  CHECK(inbox->uid_validity() == validity);
  CHECK(uids(*inbox) == std::vector<std::uint32_t>{1, 2, 4});
  CHECK(inbox->uid_next() == Uid(5));
}

TEST_CASE("ids that Dovecot has stored beside UIDs are told, and stay when the list is rewritten") {
  Home home;
  auto store = home.store();
  for (std::uint32_t number = 1; number <= 3; ++number) deliver(*store, message_for("x", number));
  auto names = home.names("new");
  REQUIRE(names.size() == 3);
  std::ofstream(home.root + "/dovecot-uidlist")
      << "3 V77 N9 G00112233445566778899aabbccddeeff\n4 Pold.1 W3 :" << names[0]
      << "\n5 :" << names[1] << "\n8 G0af1 Pold.2 :" << names[2] << "\n";
  auto ids_of = [](Mailbox& inbox) {
    auto ids = inbox.stored_ids();
    REQUIRE(ids);
    std::string text;
    for (const auto& id : *ids) {
      text += std::to_string(id.uid.value()) + "=" + id.unique_id + "/" + id.guid + " ";
    }
    return text;
  };
  {
    auto inbox = open(*store);
    CHECK(ids_of(*inbox) == "4=old.1/ 8=old.2/0af1 ");
    CHECK(inbox->file_name(Uid(5)) == names[1]);
    CHECK(inbox->file_name(Uid(6)).empty());
  }
  // Half a line at the end makes the next UID a rewrite.
  std::ofstream(home.root + "/dovecot-uidlist", std::ios::app) << "9 :half";
  deliver(*store, message_for("y", 4));
  auto inbox = open(*store);
  CHECK(uids(*inbox) == std::vector<std::uint32_t>{4, 5, 8, 9});
  CHECK(ids_of(*inbox) == "4=old.1/ 8=old.2/0af1 ");
}

TEST_CASE("UIDs go by arrival") {
  Home home;
  auto store = home.store();
  auto late = message_for("Subject: late\n\n", 1);
  late.arrival_seconds = 1'700'000'009;
  deliver(*store, late);
  deliver(*store, message_for("Subject: early\n\n", 2));
  auto inbox = open(*store);
  CHECK(*inbox->open(Uid(1))->header() != *inbox->open(Uid(2))->header());
  CHECK(inbox->open(Uid(1))->header()->find("early") != std::string::npos);
}

TEST_CASE("what other programs do shows up at the next sync") {
  Home home;
  auto store = home.store();
  for (std::uint32_t i = 1; i <= 3; ++i) deliver(*store, message_for("Subject: x\n\n", i));
  auto inbox = open(*store);
  auto files = home.names("cur");
  auto cur = home.root + "/cur/";
  std::filesystem::rename(cur + files[0], cur + files[0] + "FS");
  std::filesystem::remove(cur + files[1]);
  std::ofstream(home.root + "/new/1700000009.other.host") << "Subject: z\n\nbody\n";
  auto changes = sync(*inbox);
  CHECK(changes.flags == std::vector<Uid>{Uid(1)});
  CHECK(changes.expunged == std::vector<Uid>{Uid(2)});
  CHECK(changes.added == std::vector<Uid>{Uid(4)});
  CHECK(inbox->find(Uid(1))->flags == (Flags::Flagged | Flags::Seen));
  CHECK(*inbox->octets(Uid(4)) == 20);
  CHECK(sync(*inbox).empty());
}

TEST_CASE("what is no message in cur is passed over, and leaves the UIDs as they are") {
  Home home;
  auto store = home.store();
  deliver(*store, message_for("Subject: x\n\nbody\n"));
  auto inbox = open(*store);
  auto cur = home.root + "/cur/";
  for (const char* name : {"1700000001.a\nb:2,S", "1700000002.a\rb", ":2,S", ".hidden"}) {
    std::ofstream(cur + name) << "Subject: odd\n\n";
  }
  std::filesystem::create_directory(cur + "1700000003.directory:2,");
  REQUIRE(::mkfifo((cur + "1700000004.pipe:2,").c_str(), 0600) == 0);
  std::ofstream(cur + "1700000005.one more:2,") << "Subject: a blank is fine\n\n";
  CHECK(sync(*inbox).added == std::vector<Uid>{Uid(2)});
  auto again = open(*store);
  CHECK(again->uid_validity() == inbox->uid_validity());
  CHECK(uids(*again) == std::vector<std::uint32_t>{1, 2});
  CHECK(store->status(MailboxName::inbox())->messages == 2);
}

TEST_CASE("a message renamed by another program is found, and its other flags stay") {
  Home home;
  auto store = home.store();
  deliver(*store, message_for("Subject: x\n\nbody\n"));
  auto ours = open(*store);
  auto theirs = open(*store);
  Uid uid(1);
  REQUIRE(theirs->store(std::span(&uid, 1), add(Flags::Flagged)));
  CHECK(ours->open(uid));
  REQUIRE(ours->store(std::span(&uid, 1), add(Flags::Seen)));
  CHECK(home.names("cur")[0].ends_with(":2,FS"));
  CHECK(sync(*theirs).flags == std::vector<Uid>{uid});
  CHECK(theirs->find(uid)->flags == (Flags::Flagged | Flags::Seen));
  REQUIRE(theirs->expunge(std::span(&uid, 1)));
  auto gone = ours->open(uid);
  REQUIRE_FALSE(gone);
  CHECK(gone.error().response_code() == ResponseCode::Expunged);
  CHECK(ours->expunge(std::span(&uid, 1))->empty());
  CHECK(sync(*ours).expunged == std::vector<Uid>{uid});
}

TEST_CASE("messages renamed while cur/ is listed keep their UIDs") {
  Home home;
  constexpr std::uint32_t count = 3000;
  std::filesystem::create_directories(home.root + "/cur");
  auto path = [&](std::uint32_t number, bool is_seen) {
    return home.root + "/cur/" + std::to_string(1'700'000'000 + number) + ".mx:2," +
           (is_seen ? "S" : "");
  };
  for (std::uint32_t n = 0; n < count; ++n) std::ofstream(path(n, false)) << "Subject: x\n\n";
  std::vector<std::uint32_t> expected(count);
  std::iota(expected.begin(), expected.end(), 1U);
  REQUIRE(uids(*open(*home.store(), "INBOX", Access::ReadOnly)) == expected);
  std::atomic<bool> is_over = false;
  std::thread other([&] {
    for (bool is_seen = true; !is_over; is_seen = !is_seen) {
      for (std::uint32_t n = 0; n < count && !is_over; ++n) {
        (void)::rename(path(n, !is_seen).c_str(), path(n, is_seen).c_str());
      }
    }
  });
  for (int i = 0; i < 20; ++i) {
    CHECK(uids(*open(*home.store(), "INBOX", Access::ReadOnly)) == expected);
  }
  is_over = true;
  other.join();
}

TEST_CASE("a reader goes on though the message is expunged") {
  Home home;
  auto store = home.store();
  deliver(*store, message_for("Subject: x\n\nbody\n"));
  auto inbox = open(*store);
  auto reader = inbox->open(Uid(1));
  REQUIRE(reader);
  Uid uid(1);
  REQUIRE(inbox->expunge(std::span(&uid, 1)));
  CHECK(reader->all()->ends_with("body\r\n"));
}

TEST_CASE("flags are added, removed and replaced; letters we do not know stay") {
  Home home;
  auto store = home.store();
  append(*store, "INBOX", new_message("Subject: x\n\n", Flags::Seen));
  auto cur = home.root + "/cur/";
  auto name = home.names("cur")[0];
  std::filesystem::rename(cur + name, cur + name.substr(0, name.find(':')) + ":2,PSX");
  auto inbox = open(*store);
  Uid uid(1);
  auto change = add(Flags::Answered | Flags::Draft);
  CHECK(inbox->store(std::span(&uid, 1), change)->changed == std::vector<Uid>{uid});
  CHECK(home.names("cur")[0].ends_with(":2,DPRSX"));
  CHECK(inbox->store(std::span(&uid, 1), change)->changed.empty());
  change.mode = FlagChange::Mode::Remove;
  REQUIRE(inbox->store(std::span(&uid, 1), change));
  CHECK(home.names("cur")[0].ends_with(":2,PSX"));
  change.mode = FlagChange::Mode::Replace;
  change.flags = Flags::Deleted;
  REQUIRE(inbox->store(std::span(&uid, 1), change));
  CHECK(home.names("cur")[0].ends_with(":2,PTX"));
}

TEST_CASE("a store unless changed since leaves out what was changed") {
  Home home;
  auto store = home.store();
  append(*store, "INBOX", new_message("Subject: x\n\n"));
  auto inbox = open(*store);
  Uid uid(1);
  auto before = inbox->find(uid)->modseq;
  REQUIRE(inbox->store(std::span(&uid, 1), add(Flags::Seen)));
  CHECK(inbox->find(uid)->modseq > before);
  auto change = add(Flags::Flagged);
  change.unchanged_since = before;
  CHECK(inbox->store(std::span(&uid, 1), change)->modified == std::vector<Uid>{uid});
  CHECK_FALSE(inbox->find(uid)->flags.has(Flags::Flagged));
}

TEST_CASE("keywords are letters by dovecot-keywords, and the 27th is refused") {
  Home home;
  auto store = home.store();
  append(*store, "INBOX", new_message("Subject: x\n\n", {}, {"$Forwarded", "work"}));
  CHECK(slurp(home.root + "/dovecot-keywords") == "0 $Forwarded\n1 work\n");
  CHECK(home.names("cur")[0].ends_with(":2,ab"));
  auto inbox = open(*store);
  CHECK(inbox->keyword_names(inbox->messages()[0].keywords) ==
        std::vector<std::string>{"$Forwarded", "work"});
  Uid uid(1);
  std::vector<std::string> many;
  for (int i = 0; i < 24; ++i) many.push_back("k" + std::to_string(i));
  REQUIRE(inbox->store(std::span(&uid, 1), add({}, many)));
  CHECK_FALSE(inbox->may_add_keyword());
  auto refused = inbox->store(std::span(&uid, 1), add(Flags::Seen, {"WORK", "one-too-many"}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().response_code() == ResponseCode::Limit);
  CHECK_FALSE(inbox->find(uid)->flags.has(Flags::Seen));
  auto change = add({}, {"work", "never-seen"});
  change.mode = FlagChange::Mode::Remove;
  REQUIRE(inbox->store(std::span(&uid, 1), change));
  CHECK(inbox->keyword_names(inbox->find(uid)->keywords).size() == 25);
}

TEST_CASE("appended messages keep flags and date, and are told their UIDs") {
  Home home;
  auto store = home.store();
  auto message = new_message("Subject: x\n\nbody", Flags::Seen, {"k"});
  message.internal_date = 1'600'000'000;
  CHECK(append(*store, "INBOX", message) == std::vector<Uid>{Uid(1)});
  std::vector<NewMessage> two{new_message("a: 1\n\n"), new_message("a: 2\n\n")};
  auto appended = store->append(MailboxName::inbox(), two);
  REQUIRE(appended);
  CHECK(appended->uids == std::vector<Uid>{Uid(2), Uid(3)});
  auto inbox = open(*store);
  CHECK(appended->uid_validity == inbox->uid_validity());
  CHECK(*inbox->internal_date(Uid(1)) == 1'600'000'000);
  CHECK(inbox->find(Uid(1))->flags == Flags::Seen);
  CHECK_FALSE(inbox->is_recent(Uid(1)));
  CHECK(inbox->is_recent(Uid(2)));
  CHECK(*inbox->open(Uid(1))->all() == "Subject: x\r\n\r\nbody");
  CHECK_FALSE(store->append(*store->parse_name("Nowhere"), two));
}

TEST_CASE("copies carry flags, keywords and date over to another folder") {
  Home home;
  auto store = home.store();
  REQUIRE(store->create(*store->parse_name("Work.Done")));
  append(*store, "Work.Done", new_message("Subject: old\n\n", {}, {"other"}));
  auto message = new_message("Subject: x\n\n", Flags::Flagged, {"mine"});
  message.internal_date = 1'600'000'000;
  append(*store, "INBOX", message);
  append(*store, "INBOX", new_message("Subject: y\n\n"));
  auto inbox = open(*store);
  std::vector<Uid> both{Uid(1), Uid(2)};
  auto copied = inbox->copy(both, *store->parse_name("Work.Done"));
  REQUIRE(copied);
  CHECK(copied->source == both);
  CHECK(copied->target == std::vector<Uid>{Uid(2), Uid(3)});
  auto done = open(*store, "Work.Done");
  CHECK(copied->uid_validity == done->uid_validity());
  CHECK(done->find(Uid(2))->flags == Flags::Flagged);
  CHECK(done->keyword_names(done->find(Uid(2))->keywords) == std::vector<std::string>{"mine"});
  CHECK(*done->internal_date(Uid(2)) == 1'600'000'000);
  auto moved = inbox->move(both, *store->parse_name("Work.Done"));
  REQUIRE(moved);
  CHECK(inbox->messages().empty());
  CHECK(sync(*done).added == std::vector<Uid>{Uid(4), Uid(5)});
  CHECK(sync(*inbox).empty());
}

TEST_CASE("a message that is gone stops a copy, or is passed over, as the caller says") {
  Home home;
  auto store = home.store();
  auto target = *store->parse_name("Work");
  REQUIRE(store->create(target));
  for (int i = 0; i < 3; ++i) append(*store, "INBOX", new_message("Subject: x\n\n"));
  auto inbox = open(*store);
  Uid two(2);
  REQUIRE(open(*store)->expunge(std::span(&two, 1)));
  std::vector<Uid> three{Uid(1), two, Uid(3)};
  for (bool and_remove : {false, true}) {
    auto refused = and_remove ? inbox->move(three, target, Missing::Refuse)
                              : inbox->copy(three, target, Missing::Refuse);
    REQUIRE_FALSE(refused);
    CHECK(is_expunged(refused.error()));
    CHECK(store->status(target)->messages == 0);
    CHECK(home.names(".Work/tmp").empty());
  }
  auto copied = inbox->copy(three, target, Missing::Skip);
  REQUIRE(copied);
  CHECK(copied->source == std::vector<Uid>{Uid(1), Uid(3)});
  CHECK(store->status(target)->messages == 2);
}

TEST_CASE("a copy goes without the keywords for which its new folder has no letters") {
  Home home;
  auto store = home.store();
  REQUIRE(store->create(*store->parse_name("Full")));
  std::vector<std::string> many{"shared"};
  for (int i = 0; i < 24; ++i) many.push_back("k" + std::to_string(i));
  append(*store, "Full", new_message("Subject: old\n\n", {}, many));
  append(*store, "INBOX", new_message("Subject: x\n\n", Flags::Seen, {"one", "shared", "two"}));
  auto inbox = open(*store);
  Uid uid(1);
  auto copied = inbox->copy(std::span(&uid, 1), *store->parse_name("Full"));
  if (!copied) MESSAGE(copied.error().text());
  REQUIRE(copied);
  auto full = open(*store, "Full");
  const auto* copy = full->find(copied->target[0]);
  REQUIRE(copy != nullptr);
  CHECK(copy->flags == Flags::Seen);
  CHECK(full->keyword_names(copy->keywords) == std::vector<std::string>{"shared", "one"});
  CHECK_FALSE(full->may_add_keyword());
}

TEST_CASE("a STORE that fails on the way tells what it has changed") {
  Home home;
  auto store = home.store();
  for (int i = 0; i < 3; ++i) append(*store, "INBOX", new_message("Subject: x\n\n", Flags::Seen));
  auto inbox = open(*store);
  // Where the second message's new name would be.
  auto second = home.names("cur")[1];
  std::filesystem::create_directory(home.root + "/cur/" +
                                    second.insert(second.rfind(":2,") + 3, "F"));
  std::vector<Uid> three{Uid(1), Uid(2), Uid(3)};
  auto stored = inbox->store(three, add(Flags::Flagged));
  REQUIRE(stored);
  CHECK(stored->changed == std::vector<Uid>{Uid(1)});
  REQUIRE(stored->failure);
  CHECK(inbox->find(Uid(1))->flags.has(Flags::Flagged));
  CHECK_FALSE(inbox->find(Uid(2))->flags.has(Flags::Flagged));
  Uid two(2);
  CHECK_FALSE(inbox->store(std::span(&two, 1), add(Flags::Flagged)));
}

TEST_CASE("folders are created, listed, renamed and removed, as Maildir++ has them") {
  Home home;
  auto store = home.store();
  auto name = [&](const char* text) { return *store->parse_name(text); };
  REQUIRE(store->create(name("Sent")));
  REQUIRE(store->create(name("Lists.C++.2024")));
  REQUIRE(store->create(name("Entw\xc3\xbcrfe")));
  CHECK(std::filesystem::exists(home.root + "/.Lists.C++.2024/maildirfolder"));
  CHECK(std::filesystem::exists(home.root + "/.Entw&APw-rfe/cur"));
  CHECK_FALSE(store->create(name("Sent")));
  REQUIRE(store->subscribe(name("Sent")));
  auto folders = store->list();
  REQUIRE(folders);
  std::vector<std::string> shown;
  for (const auto& folder : *folders) {
    shown.push_back(folder.name.text() + (folder.selectable ? "" : " -") +
                    (folder.has_children ? " +" : "") + (folder.subscribed ? " *" : "") + " " +
                    std::string(special_use_text(folder.special_use)));
  }
  CHECK(shown == std::vector<std::string>{"INBOX ", "Entw\xc3\xbcrfe ", "Lists - + ",
                                          "Lists.C++ - + ", "Lists.C++.2024 ", "Sent * \\Sent"});
  append(*store, "Lists.C++.2024", new_message("a: b\n\n"));
  REQUIRE(store->rename(name("Lists"), name("Old")));
  CHECK(store->status(name("Old.C++.2024"))->messages == 1);
  CHECK_FALSE(store->open(name("Lists.C++.2024"), Access::ReadWrite));
  CHECK_FALSE(store->rename(name("Sent"), name("Sent.below")));
  auto validity = store->status(name("Sent"))->uid_validity;
  REQUIRE(store->remove(name("Sent")));
  CHECK_FALSE(store->remove(name("Sent")));
  REQUIRE(store->create(name("Sent")));
  CHECK(store->status(name("Sent"))->uid_validity > validity);
  CHECK_FALSE(store->remove(name("INBOX")));
}

TEST_CASE("renaming INBOX moves its messages, and INBOX stays") {
  Home home;
  auto store = home.store();
  deliver(*store, message_for("Subject: x\n\n"));
  REQUIRE(store->rename(MailboxName::inbox(), *store->parse_name("Archive")));
  CHECK(store->status(MailboxName::inbox())->messages == 0);
  CHECK(store->status(*store->parse_name("Archive"))->messages == 1);
}

TEST_CASE("subscriptions are kept in Dovecot's form, and its older form is read") {
  Home home;
  auto store = home.store();
  REQUIRE(store->subscribe(*store->parse_name("Lists.C++")));
  REQUIRE(store->subscribe(*store->parse_name("INBOX")));
  CHECK(slurp(home.root + "/subscriptions") == "V\t2\n\nLists\tC++\nINBOX\n");
  REQUIRE(store->unsubscribe(*store->parse_name("INBOX")));
  CHECK(store->subscriptions()->size() == 1);
  std::ofstream(home.root + "/subscriptions") << "INBOX\nA.B\n";
  CHECK(store->subscriptions()->at(1).text() == "A.B");
}

TEST_CASE("STATUS counts without moving anything out of new") {
  Home home;
  auto store = home.store();
  deliver(*store, message_for("Subject: x\n\n"));
  append(*store, "INBOX", new_message("a: b\n\n", Flags::Seen | Flags::Deleted));
  auto status = store->status(MailboxName::inbox(), true);
  REQUIRE(status);
  CHECK(status->messages == 2);
  CHECK(status->recent == 1);
  CHECK(status->unseen == 1);
  CHECK(status->deleted == 1);
  CHECK(status->uid_next == Uid(3));
  CHECK(*status->size == 111 + 8);
  CHECK(home.names("new").size() == 1);
}

TEST_CASE("a read-only session leaves new messages where they are") {
  Home home;
  auto store = home.store();
  deliver(*store, message_for("Subject: x\n\n"));
  auto examined = open(*store, "INBOX", Access::ReadOnly);
  CHECK(examined->is_recent(examined->messages()[0].uid));
  CHECK(home.names("new").size() == 1);
  CHECK(open(*store)->is_recent(Uid(1)));
}

TEST_CASE("the quota is kept in maildirsize, and a full mailbox makes mail wait") {
  Home home;
  home.settings.quota_bytes = 400;
  auto store = home.store();
  CHECK(deliver(*store, message_for("Subject: x\n\n", 1)).kind == DeliveryOutcome::Kind::Delivered);
  CHECK(deliver(*store, message_for("Subject: x\n\n", 2)).kind == DeliveryOutcome::Kind::Delivered);
  CHECK(slurp(home.root + "/maildirsize").starts_with("400S\n"));
  CHECK(store->usage()->bytes == 212);
  CHECK(store->usage()->messages == 2);
  std::string large = "Subject: x\n\n" + std::string(200, 'x');
  auto full = deliver(*store, message_for(large, 3));
  CHECK(full.kind == DeliveryOutcome::Kind::Retry);
  CHECK(full.dsn == "4.2.2");
  auto hopeless = deliver(*store, message_for(large + large, 4));
  CHECK(hopeless.kind == DeliveryOutcome::Kind::Bounce);
  CHECK(hopeless.dsn == "5.2.2");
  CHECK(home.names("tmp").empty());
  auto refused = store->append(MailboxName::inbox(), std::vector<NewMessage>{new_message(large)});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().response_code() == ResponseCode::OverQuota);
  auto inbox = open(*store);
  Uid uid(1);
  REQUIRE(inbox->expunge(std::span(&uid, 1)));
  CHECK(store->usage()->bytes == 106);
}

TEST_CASE("messages that come at once to a new mailbox are all in its maildirsize") {
  for (int round = 0; round < 20; ++round) {
    Home home;
    home.settings.quota_bytes = 1'000'000;
    std::vector<std::thread> deliverers;
    for (std::uint32_t i = 1; i <= 8; ++i) {
      deliverers.emplace_back([&home, i] {
        CHECK(deliver(*home.store(), message_for("Subject: x\n\n", i)).kind ==
              DeliveryOutcome::Kind::Delivered);
      });
    }
    for (auto& deliverer : deliverers) deliverer.join();
    CHECK(home.names("new").size() == 8);
    CHECK(home.store()->usage()->messages == 8);
    CHECK(home.store()->usage()->bytes == 8 * 106);
    CHECK(home.names("tmp").empty());
  }
}

TEST_CASE("a mailbox that may not be created makes mail wait, with the remedy") {
  Home home;
  home.settings.create_missing = false;
  auto outcome = deliver(*home.store(), message_for("Subject: x\n\n"));
  CHECK(outcome.kind == DeliveryOutcome::Kind::Retry);
  CHECK(outcome.reason.find("mailbox_auto_create_dirs") != std::string::npos);
}

TEST_CASE("what a name says of a message's size is believed only as long as it is true") {
  Home home;
  home.settings.quota_bytes = 1'000'000;
  auto store = home.store();
  append(*store, "INBOX", new_message("Subject: x\n\nbody\n"));
  for (const char* name : {"1700000001.a,S=5,W=6", "1700000002.b,S=17,W=99", "1700000003.c,W=99"}) {
    std::ofstream(home.root + "/cur/" + name + ":2,") << "Subject: x\n\nbody\n";
  }
  auto inbox = open(*store);
  for (auto uid : uids(*inbox)) {
    CAPTURE(uid);
    CHECK(*inbox->octets(Uid(uid)) == 20);
  }
  CHECK(store->status(MailboxName::inbox(), true)->size == 80);
  std::filesystem::remove(home.root + "/maildirsize");
  CHECK(store->usage()->bytes == 4 * 17);

  // A copy is named by the truth, and what is removed gives back what it took.
  REQUIRE(store->create(*store->parse_name("Copies")));
  std::vector<Uid> all;
  for (auto uid : uids(*inbox)) all.push_back(Uid(uid));
  REQUIRE(inbox->copy(all, *store->parse_name("Copies")));
  for (const auto& name : home.names(".Copies/cur")) {
    CAPTURE(name);
    CHECK(size_in_name(base_of(name), 'S') == 17);
    CHECK(size_in_name(base_of(name), 'W').value_or(20) == 20);
  }
  REQUIRE(inbox->expunge(std::span(all).subspan(1)));
  CHECK(store->usage()->bytes == 5 * 17);

  // Another program changes the file under its name: whoever reads it is told the truth from then.
  auto file =
      home.names("cur").empty() ? "new/" + home.names("new")[0] : "cur/" + home.names("cur")[0];
  std::ofstream(home.root + "/" + file, std::ios::app) << "more\n";
  auto text = inbox->open(all[0])->all();
  CHECK(text->size() == 26);
  CHECK(*inbox->octets(all[0]) == 26);
}

TEST_CASE("a quota file made by another program is respected") {
  Home home;
  auto store = home.store();
  deliver(*store, message_for("Subject: x\n\n", 1));
  CHECK_FALSE(std::filesystem::exists(home.root + "/maildirsize"));
  std::ofstream(home.root + "/maildirsize") << "1000S,2C\n110 1\n    500     1\n";
  CHECK(store->usage()->messages == 2);
  CHECK(deliver(*store, message_for("Subject: x\n\n", 2)).dsn == "4.2.2");
}

TEST_CASE("an unusable Maildir makes mail wait, with the remedy") {
  Home home;
  std::ofstream(home.root) << "a file where the Maildir should be";
  auto outcome = deliver(*home.store(), message_for("Subject: x\n\n"));
  CHECK(outcome.kind == DeliveryOutcome::Kind::Retry);
  CHECK(outcome.dsn == "4.2.0");
  CHECK(outcome.reason.find(home.root) != std::string::npos);
}

TEST_CASE("a body from a file, in pieces, with line ends cut in two") {
  Home home;
  auto path = home.scratch / "queued";
  std::ofstream(path) << "XXXSubject: x\r\n\r\nbody\r\nYYY";
  int descriptor = ::open(path.c_str(), O_RDONLY);
  auto delivery = message_for("");
  delivery.body = {std::string_view("A: b\r"), std::string_view("\n"), FileRange{descriptor, 3, 19},
                   std::string_view("\nend\r")};
  auto store = home.store();
  CHECK(deliver(*store, delivery).kind == DeliveryOutcome::Kind::Delivered);
  auto text = *open(*store)->open(Uid(1))->all();
  CHECK(text.ends_with("A: b\r\nSubject: x\r\n\r\nbody\r\nend\r"));
  delivery.recipient_number = 2;
  delivery.body = {FileRange{descriptor, 3, 100}};
  CHECK(deliver(*store, delivery).kind == DeliveryOutcome::Kind::Retry);
  ::close(descriptor);
}

TEST_CASE("a copy with flags and keywords is found again, and not stored twice") {
  Home home;
  auto store = home.store();
  struct Chooser final : DeliveryFilter {
    DeliveryChoice choice;
    DeliveryChoice choose(const Delivery&) override { return choice; }
  } chooser;
  chooser.choice.placements = {Placement{"Junk", Flags::Seen, {"$Junk"}}};
  auto delivery = message_for("Subject: x\n\n");
  CHECK(store->deliver(delivery, chooser).kind == DeliveryOutcome::Kind::Delivered);
  CHECK(store->deliver(delivery, chooser).kind == DeliveryOutcome::Kind::Delivered);
  auto junk = open(*store, "Junk");
  REQUIRE(junk->messages().size() == 1);
  CHECK(junk->messages()[0].flags == Flags::Seen);
  CHECK(junk->keyword_names(junk->messages()[0].keywords) == std::vector<std::string>{"$Junk"});
  CHECK(store->status(MailboxName::inbox())->messages == 0);
}

TEST_CASE("header lines we add can't be made two by an address") {
  Home home;
  auto delivery = message_for("Subject: x\n\n");
  delivery.return_path = "a\r\nX-Evil: 1";
  auto store = home.store();
  deliver(*store, delivery);
  CHECK(open(*store)->open(Uid(1))->header()->find("\nX-Evil") == std::string::npos);
}

TEST_CASE("concurrent delivery while sessions sync: each sees each message once, with one UID") {
  Home home;
  constexpr std::uint32_t count = 600;
  constexpr std::array flags = {Flags::Seen, Flags::Flagged, Flags::Answered, Flags::Draft};
  // As each follows with a store of its own, they know no more of each other than processes do.
  auto text_of = [](Uid uid) { return std::to_string(uid.value()); };
  // What was seen differently from 1, 2, 3 …; "" if nothing.
  auto follow = [&](Flags flag) -> std::string {
    auto store = home.store();
    auto inbox = *store->open(MailboxName::inbox(), Access::ReadWrite);
    std::uint32_t seen = 0;
    std::string wrong;
    auto see = [&](Uid uid) {
      if (uid == Uid(++seen)) return;
      wrong += text_of(uid) + " in place of " + std::to_string(seen) + "; ";
    };
    for (const auto& message : inbox->messages()) see(message.uid);
    while (seen < count && wrong.empty()) {
      auto changes = inbox->sync();
      if (!changes) return "after " + std::to_string(seen) + ": " + changes.error().text();
      for (auto uid : changes->expunged) wrong += text_of(uid) + " expunged; ";
      for (auto uid : changes->added) {
        see(uid);
        auto stored = inbox->store(std::span(&uid, 1), add(flag));
        if (!stored) return "flag of " + text_of(uid) + ": " + stored.error().text();
      }
    }
    return wrong;
  };
  std::array<std::string, flags.size()> wrong;
  std::vector<std::thread> followers;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    followers.emplace_back([&, i] { wrong[i] = follow(flags[i]); });
  }
  auto store = home.store();
  for (std::uint32_t i = 1; i <= count; ++i) deliver(*store, message_for("Subject: x\n\n", i));
  for (auto& follower : followers) follower.join();
  for (const auto& each : wrong) CHECK(each == "");
}

TEST_CASE("no flag gets lost when two sessions change the same messages") {
  Home home;
  auto store = home.store();
  std::vector<Uid> all;
  for (int i = 0; i < 20; ++i) {
    for (auto uid : append(*store, "INBOX", new_message("a: b\n\n"))) all.push_back(uid);
  }
  auto one = open(*store);
  auto other_store = home.store();
  auto other = open(*other_store);
  std::thread thread([&] {
    for (auto uid : all) CHECK(other->store(std::span(&uid, 1), add(Flags::Flagged)));
  });
  for (auto uid : all) CHECK(one->store(std::span(&uid, 1), add(Flags::Seen)));
  thread.join();
  sync(*one);
  for (const auto& message : one->messages()) {
    CHECK(message.flags == (Flags::Seen | Flags::Flagged));
  }
  CHECK(one->messages().size() == 20);
}
