#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/base/scratch.h"
#include "common/base/text.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"
#include "store/mbox/format.h"
#include "store/mbox/journal.h"
#include "store/mbox/lock.h"
#include "store/mbox/store.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

struct Home {
  Scratch scratch;
  StoreSettings settings;
  std::string inbox = scratch / "spool/bob";
  std::string root = scratch / "mail";

  Home() {
    settings.fsync = false;
    settings.deliver_lock_attempts = 3;
    settings.deliver_lock_delay_ms = 5;
  }
  std::unique_ptr<MailStore> store() const {
    MailLocation location;
    location.format = MailLocation::Format::Mbox;
    location.root = location.index = root;
    location.inbox = inbox;
    return std::make_unique<MboxStore>(location, settings);
  }
  std::string content() const { return read_file(inbox, 1 << 24)->value_or(""); }
  void put(std::string_view text) const {
    std::filesystem::create_directories(scratch / "spool");
    std::ofstream(inbox) << text;
  }
};

DeliveryOutcome deliver(MailStore& store, std::string_view body) {
  Delivery delivery;
  delivery.return_path = "ann@example.net";
  delivery.delivered_to = "bob@example.org";
  delivery.queue_id = "4Zk2Qn1";
  delivery.body = {body};
  KeepInInbox keep;
  return store.deliver(delivery, keep);
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

FlagChange add(Flags flags, std::vector<std::string> keywords = {}) {
  FlagChange change;
  change.flags = flags;
  change.keywords = std::move(keywords);
  return change;
}

constexpr std::string_view top =
    "Return-Path: <ann@example.net>\r\nDelivered-To: bob@example.org\r\n";

std::string all(Mailbox& mailbox, std::uint32_t uid) {
  auto reader = mailbox.open(Uid(uid));
  if (!reader) return reader.error().text();
  CHECK(*mailbox.octets(Uid(uid)) == *reader->octets());
  return *reader->all();
}

std::string quoted(std::string_view text, std::size_t block) {
  std::string out;
  MboxQuoter quoter([&](std::string_view bytes) {
    out += bytes;
    return Result<void>();
  });
  for (; !text.empty(); text.remove_prefix(std::min(block, text.size()))) {
    REQUIRE(quoter.add(text.substr(0, block)));
  }
  REQUIRE(quoter.finish());
  return out;
}

}  // namespace

TEST_CASE("From_ lines are told from lines that only begin so") {
  for (const char* line :
       {"From a@b Tue Nov 21 08:00:00 2023", "From MAILER-DAEMON Tue Nov  1 08:00:00 2023",
        "From a b c Tue Nov 21 08:00 2023", "From a@b Tue Nov 21 08:00:00 CET 2023",
        "From a@b Tue Nov 21 08:00:00 2023 +0100", "From  Tue Nov 21 08:00:00 2023",
        "From a!b Tue Nov 21 08:00:00 2023 remote from mail",
        "From a Tue Nov 21 08:00 CET 2023 remote from mail\r"}) {
    CAPTURE(line);
    CHECK(parse_from_line(line).has_value());
  }
  for (const char* line :
       {"From here on", "From a@b", ">From a@b Tue Nov 21 08:00:00 2023",
        "From a@b Tue Foo 21 08:00:00 2023", "From a@b Tue Nov 41 08:00:00 2023",
        "From: a@b Tue Nov 21 08:00:00 2023", "From a@b Tue Nov 21 08:00:00 2023 far from home",
        "From here on remote from mail", "From remote from mail", ""}) {
    CAPTURE(line);
    CHECK_FALSE(parse_from_line(line).has_value());
  }
  CHECK(parse_from_line("From a Tue Nov 14 23:13:20 2023 +0100") == 1'700'000'000);
  CHECK(parse_from_line(trim(from_line("a b@c", 1'600'000'000))) == 1'600'000'000);
  CHECK(from_line("", 0).starts_with("From MAILER-DAEMON "));
}

TEST_CASE("quoting is the same however the message is cut") {
  std::string_view message =
      "Subject: x\nStatus: RO\nx-uid: 7\nX-Statusless: 1\nFrom me\n\nFrom here\n>From there\n"
      ">>>From\n>\n>>x\nFrom\nFrom \nStatus: kept";
  std::string_view expected =
      "Subject: x\nX-Original-Status: RO\nX-Original-x-uid: 7\nX-Statusless: 1\n>From me\n\n"
      ">From here\n>>From there\n>>>From\n>\n>>x\nFrom\n>From \nStatus: kept\n\n";
  for (std::size_t block = 1; block < 40; ++block) CHECK(quoted(message, block) == expected);
  CHECK(quoted("Subject: x\n", 3) == "Subject: x\n\n\n");
  CHECK(quoted(">", 1) == ">\n\n\n");
  // A line with a CR alone ends the header, as for who reads it.
  for (std::size_t block = 1; block < 9; ++block) {
    CHECK(quoted("A: b\n\r\nStatus: kept\n", block) == "A: b\n\r\nStatus: kept\n\n");
  }
}

TEST_CASE("what is delivered to an mbox is read back as sent") {
  Home home;
  auto store = home.store();
  auto outcome = deliver(*store, "Subject: x\r\n\r\nFrom here\r\n>From there\r\n\r\n");
  CHECK(outcome.reason == "delivered to mailbox");
  CHECK(deliver(*store, "Subject: y\n\nno line end").kind == DeliveryOutcome::Kind::Delivered);
  CHECK(deliver(*store, "Subject: z\n").kind == DeliveryOutcome::Kind::Delivered);
  CHECK(home.content().starts_with("From ann@example.net "));
  CHECK(home.content().find("\n>From here\n>>From there\n\n\nFrom ann") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(home.inbox + ".lock"));
  auto inbox = open(*store);
  CHECK(uids(*inbox) == std::vector<std::uint32_t>{1, 2, 3});
  CHECK(inbox->is_recent(inbox->messages()[0].uid));
  auto text = std::string(top);
  CHECK(all(*inbox, 1) == text + "Subject: x\r\n\r\nFrom here\r\n>From there\r\n\r\n");
  CHECK(all(*inbox, 2) == text + "Subject: y\r\n\r\nno line end\r\n");
  CHECK(all(*inbox, 3) == text + "Subject: z\r\n\r\n");
}

TEST_CASE("a message with a line of a CR alone has its flags in the header, as all others") {
  Home home;
  auto store = home.store();
  for (std::string_view text :
       {"A: b\r\n\r\r\n\r\nx\r\n", "A: b\r\n\r\n\r\r\n", "\r\r\n", "\r", "A: b\r\n\r"}) {
    CAPTURE(text);
    deliver(*store, std::string(text));
    NewMessage message;
    message.body = {text};
    message.keywords = {"k"};
    auto appended = store->append(MailboxName::inbox(), std::span(&message, 1));
    REQUIRE(appended);
    auto uid = appended->uids.front().value();
    auto before = all(*open(*store), uid);
    CHECK(before.find("X-UID") == std::string::npos);
    // So long that the file is rewritten.
    std::vector<Uid> both{Uid(uid - 1), Uid(uid)};
    REQUIRE(open(*store)->store(both, add(Flags::Seen, {std::string(300, 'l')})));
    auto inbox = open(*store);
    CHECK(inbox->find(Uid(uid))->flags.has(Flags::Seen));
    CHECK(all(*inbox, uid) == before);
    CHECK(all(*inbox, uid - 1).find("X-UID") == std::string::npos);
  }
}

TEST_CASE("a message appended to an mbox with CRLF leaves those before it as they are") {
  Home home;
  home.put("From a@b Tue Nov 21 08:00:00 2023\r\nA: b\r\n\r\nx\r\n\r\n");
  auto store = home.store();
  auto before = all(*open(*store), 1);
  deliver(*store, "A: c\r\n\r\ny\r\n");
  CHECK(all(*open(*store), 1) == before);
  CHECK(uids(*open(*store)).size() == 2);
}

TEST_CASE("a delivery leaves nothing beside the mbox") {
  Home home;
  auto store = home.store();
  REQUIRE(deliver(*store, "Subject: one\n\nbody\n").kind == DeliveryOutcome::Kind::Delivered);
  CHECK_FALSE(std::filesystem::exists(home.root));
  auto files = std::filesystem::directory_iterator(home.scratch / "spool");
  CHECK(std::distance(begin(files), end(files)) == 1);
}

TEST_CASE("UIDs and UIDVALIDITY lie in the mbox, and outlive its emptying") {
  Home home;
  auto store = home.store();
  deliver(*store, "Subject: a\n\n");
  deliver(*store, "Subject: b\n\n");
  std::uint32_t validity = 0;
  {
    auto inbox = open(*store);
    validity = inbox->uid_validity();
    CHECK(home.content().find("X-IMAPbase: " + std::to_string(validity) + " 0000000002") !=
          std::string::npos);
  }
  deliver(*store, "Subject: c\n\n");
  auto inbox = open(*store);
  CHECK(inbox->uid_validity() == validity);
  CHECK(uids(*inbox) == std::vector<std::uint32_t>{1, 2, 3});
  std::vector<Uid> gone{Uid(1), Uid(2), Uid(3)};
  CHECK(inbox->expunge(std::span(gone).first(1))->size() == 1);
  CHECK(home.content().find("X-IMAPbase: " + std::to_string(validity) + " 0000000003") !=
        std::string::npos);
  CHECK(uids(*inbox) == std::vector<std::uint32_t>{2, 3});
  CHECK(inbox->expunge(gone)->size() == 2);
  CHECK(home.content().empty());
  deliver(*store, "Subject: d\n\n");
  CHECK(inbox->sync()->added == std::vector<Uid>{Uid(4)});
  CHECK(inbox->uid_validity() == validity);
}

TEST_CASE("flags and keywords change in place, and are read again") {
  Home home;
  auto store = home.store();
  deliver(*store, "Subject: a\n\nbody a\n");
  deliver(*store, "Subject: b\n\nbody b\n");
  auto inbox = open(*store);
  auto size = home.content().size();
  std::vector<Uid> both{Uid(1), Uid(2)};
  CHECK(inbox->store(both, add(Flags::Seen | Flags::Flagged, {"work", "$Forwarded"}))->changed ==
        both);
  CHECK(home.content().size() == size);
  auto own = inbox->sync();
  CHECK(own->keywords);
  CHECK(own->flags.empty());
  CHECK(inbox->sync()->empty());
  auto again = open(*store);
  CHECK(again->find(Uid(2))->flags == (Flags::Seen | Flags::Flagged));
  CHECK_FALSE(again->is_recent(Uid(2)));
  CHECK(again->keyword_names(again->find(Uid(2))->keywords) ==
        std::vector<std::string>{"work", "$Forwarded"});
  auto change = add(Flags::Seen, {"work"});
  change.mode = FlagChange::Mode::Remove;
  REQUIRE(again->store(std::span(both).first(1), change));
  auto changes = inbox->sync();
  CHECK(changes->flags == std::vector<Uid>{Uid(1)});
  CHECK(inbox->find(Uid(1))->flags == Flags::Flagged);
  // More than the blanks have room for: the file is rewritten.
  std::vector<std::string> many;
  for (int i = 0; i < 24; ++i) many.push_back("a-rather-long-keyword-" + std::to_string(i));
  REQUIRE(inbox->store(both, add({}, many)));
  CHECK(inbox->find(Uid(2))->keywords == (1u << 26) - 1);
  CHECK(all(*inbox, 2) == std::string(top) + "Subject: b\r\n\r\nbody b\r\n");
  auto refused = inbox->store(both, add({}, {"one-too-many"}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().response_code() == ResponseCode::Limit);
}

TEST_CASE("fields that arrive in mail say nothing about it") {
  Home home;
  auto store = home.store();
  deliver(*store,
          "X-IMAPbase: 1 99 evil\nX-UID: 42\nStatus: RO\nContent-Length: 5\nSubject: a\n\nb\n");
  auto inbox = open(*store);
  CHECK(uids(*inbox) == std::vector<std::uint32_t>{1});
  CHECK(inbox->uid_validity() != 1);
  CHECK(inbox->messages()[0].flags.empty());
  CHECK(all(*inbox, 1).find("\r\nX-Original-Status: RO\r\nX-Original-Content-Length: 5\r\n") !=
        std::string::npos);
}

TEST_CASE("an mbox written by others is served, whatever its fields are") {
  Home home;
  home.put(
      "From a Tue Nov 21 08:00:00 2023\nSubject: 1\nX-UID: 5\nStatus: RO\nX-Status: F\n\nbody\n\n"
      "From b Tue Nov 21 08:00:01 2023\nSubject: 2\nX-IMAPbase: 77 6\nX-UID: 3\n\nbody\n"
      "From c Tue Nov 21 08:00:02 2023\nSubject: 3\nContent-Length: 4\n folded\n\nbody\nFrom x\n");
  auto store = home.store();
  auto inbox = open(*store);
  CHECK(uids(*inbox) == std::vector<std::uint32_t>{1, 2, 3});
  CHECK(inbox->find(Uid(1))->flags == (Flags::Seen | Flags::Flagged));
  CHECK_FALSE(inbox->is_recent(Uid(1)));
  CHECK(all(*inbox, 1) == "Subject: 1\r\n\r\nbody\r\n");
  CHECK(all(*inbox, 2) == "Subject: 2\r\n\r\nbody\r\n");
  CHECK(all(*inbox, 3) == "Subject: 3\r\n\r\nbody\r\nFrom x\r\n");
  CHECK(*inbox->internal_date(Uid(2)) == *inbox->internal_date(Uid(1)) + 1);
  deliver(*store, "Subject: 4\n\n");
  CHECK(inbox->sync()->added == std::vector<Uid>{Uid(4)});
}

TEST_CASE("words that are no keywords are not shown, whoever put them into X-Keywords") {
  Home home;
  home.put(
      "From x@example.net Tue Nov 14 22:13:20 2023\n"
      "X-IMAPbase: 1700000000 0000000001 work ) {9}\n"
      "X-Keywords: ) UID {9} play \\Deleted\nSubject: a\n\nbody\n\n");
  auto mailbox = open(*home.store());
  CHECK(mailbox->keywords() == std::vector<std::string>{"work", "UID", "play"});
  auto names = mailbox->keyword_names(mailbox->messages()[0].keywords);
  CHECK(names == std::vector<std::string>{"UID", "play"});
}

TEST_CASE("the octets of a message are right though a line is cut between its CR and its LF") {
  Home home;
  // What is read at once is 256 KiB; a line is cut where two of them have no end of it.
  std::string head = "From x@example.net Tue Nov 14 22:13:20 2023\r\nSubject: a\r\n\r\n";
  std::string line(2 * 256 * 1024 - 1 - head.size(), 'x');
  home.put(head + line + "\r\nend\r\n\r\n");
  auto mailbox = open(*home.store());
  REQUIRE(mailbox->messages().size() == 1);
  auto octets = mailbox->octets(mailbox->messages()[0].uid);
  REQUIRE(octets);
  CHECK(*octets == 12 + 2 + line.size() + 2 + 5);
}

TEST_CASE("a journal whose head says what can't be is thrown away, and the mbox is as it was") {
  Home home;
  home.put("From x Tue Nov 14 22:13:20 2023\n\nbody\n\n");
  auto before = home.content();
  for (const char* head : {"C 3 9223372036854775808 9 0", "C 9 3 3 0", "X 3 6 9 0", "CC 3 6 9 0",
                           "D 3 6 18446744073709551615 0"}) {
    std::string journal = "pennypost-mbox " + std::string(head) + "\n";
    journal.resize(128, '\0');
    CHECK_FALSE(MboxJournalHead::parse(journal));
    std::ofstream(home.scratch / "journal") << journal << "planted";
    Descriptor file(::open(home.inbox.c_str(), O_RDWR | O_CLOEXEC));
    CHECK(MboxJournal(file.number(), home.inbox, FilePlace(home.scratch / "journal")).recover());
    CHECK(home.content() == before);
    CHECK_FALSE(std::filesystem::exists(home.scratch / "journal"));
  }
}

TEST_CASE("a file that is no mbox is left alone") {
  Home home;
  home.put("something else\n");
  auto store = home.store();
  auto refused = store->open(MailboxName::inbox(), Access::ReadWrite);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().response_code() == ResponseCode::Corruption);
  CHECK(home.content() == "something else\n");
}

TEST_CASE("messages appended and copied keep flags, keywords and date") {
  Home home;
  auto store = home.store();
  REQUIRE(store->create(*store->parse_name("Work/Done")));
  CHECK(std::filesystem::exists(home.root + "/Work/Done"));
  NewMessage message;
  message.body = {std::string_view("Subject: a\r\n\r\nFrom here\r\n")};
  message.flags = Flags::Answered | Flags::Draft;
  message.keywords = {"k"};
  message.internal_date = 1'600'000'000;
  auto appended = store->append(MailboxName::inbox(), std::vector<NewMessage>{message, message});
  REQUIRE(appended);
  CHECK(appended->uids == std::vector<Uid>{Uid(1), Uid(2)});
  auto inbox = open(*store);
  CHECK(inbox->uid_validity() == appended->uid_validity);
  CHECK(inbox->find(Uid(2))->flags == (Flags::Answered | Flags::Draft));
  CHECK(*inbox->internal_date(Uid(2)) == 1'600'000'000);
  auto copied = inbox->move(appended->uids, *store->parse_name("Work/Done"));
  REQUIRE(copied);
  CHECK(copied->target == std::vector<Uid>{Uid(1), Uid(2)});
  CHECK(inbox->messages().empty());
  auto done = open(*store, "Work/Done");
  CHECK(done->uid_validity() == copied->uid_validity);
  CHECK(done->keyword_names(done->find(Uid(1))->keywords) == std::vector<std::string>{"k"});
  CHECK(*done->internal_date(Uid(1)) == 1'600'000'000);
  CHECK(all(*done, 1) == "Subject: a\r\n\r\nFrom here\r\n");
  auto twice = done->copy(copied->target, *store->parse_name("Work/Done"));
  REQUIRE(twice);
  CHECK(twice->target == std::vector<Uid>{Uid(3), Uid(4)});
  CHECK(done->sync()->added == twice->target);
}

TEST_CASE("the messages a session sees stay until it asks, whatever others do") {
  Home home;
  auto store = home.store();
  for (const char* text : {"Subject: a\n\n", "Subject: b\n\n"}) deliver(*store, text);
  auto inbox = open(*store);
  const auto* first = inbox->messages().data();
  auto other = open(*store);
  Uid one(1);
  Uid two(2);
  REQUIRE(other->expunge(std::span(&one, 1)));
  REQUIRE(other->store(std::span(&two, 1), add(Flags::Seen)));
  deliver(*store, "Subject: c\n\n");
  CHECK(all(*inbox, 2) == std::string(top) + "Subject: b\r\n\r\n");
  CHECK(inbox->open(one).error().response_code() == ResponseCode::Expunged);
  CHECK(inbox->messages().data() == first);
  CHECK(uids(*inbox) == std::vector<std::uint32_t>{1, 2});
  CHECK(inbox->messages()[1].flags.empty());
  REQUIRE(inbox->store(std::span(&two, 1), add(Flags::Flagged)));
  CHECK(inbox->find(two)->flags == (Flags::Seen | Flags::Flagged));
  auto changes = inbox->sync();
  CHECK(changes->expunged == std::vector<Uid>{one});
  CHECK(changes->added == std::vector<Uid>{Uid(3)});
  CHECK(changes->flags.empty());
}

TEST_CASE("an mbox that another session removed does not come back by a change") {
  Home home;
  auto store = home.store();
  auto name = *store->parse_name("Work");
  NewMessage message;
  message.body = {std::string_view("Subject: a\n\n")};
  REQUIRE(store->create(name));
  REQUIRE(store->append(name, std::span(&message, 1)));
  auto work = open(*store, "Work");
  REQUIRE(store->remove(name));
  Uid uid(1);
  auto gone = [](const auto& result) {
    return !result && result.error().response_code() == ResponseCode::NonExistent;
  };
  CHECK(gone(work->store(std::span(&uid, 1), add(Flags::Seen))));
  CHECK(gone(work->expunge(std::span(&uid, 1))));
  CHECK(gone(work->sync()));
  CHECK_FALSE(std::filesystem::exists(home.root + "/Work"));

  // Made anew it is another mailbox, whose UIDs mean other messages.
  REQUIRE(store->create(name));
  REQUIRE(store->append(name, std::span(&message, 1)));
  CHECK(gone(work->store(std::span(&uid, 1), add(Flags::Deleted))));
  CHECK(gone(work->expunge(std::span(&uid, 1))));
  auto anew = open(*store, "Work");
  CHECK(uids(*anew) == std::vector<std::uint32_t>{1});
  CHECK(anew->find(uid)->flags.empty());
}

TEST_CASE("a copy that is gone, or has keywords without room, is as the caller says") {
  Home home;
  auto store = home.store();
  auto full = *store->parse_name("Full");
  REQUIRE(store->create(full));
  NewMessage message;
  message.body = {std::string_view("Subject: a\n\n")};
  for (int i = 0; i < 25; ++i) message.keywords.push_back("k" + std::to_string(i));
  REQUIRE(store->append(full, std::span(&message, 1)));
  message.keywords = {"one", "K3", "two"};
  REQUIRE(store->append(MailboxName::inbox(), std::vector<NewMessage>{message, message}));
  auto inbox = open(*store);
  std::vector<Uid> both{Uid(1), Uid(2)};
  auto copied = inbox->copy(both, full);
  if (!copied) MESSAGE(copied.error().text());
  REQUIRE(copied);
  auto opened = open(*store, "Full");
  CHECK(opened->keyword_names(opened->find(copied->target[1])->keywords) ==
        std::vector<std::string>{"k3", "one"});

  Uid two(2);
  REQUIRE(open(*store)->expunge(std::span(&two, 1)));
  auto refused = inbox->move(both, full, Missing::Refuse);
  REQUIRE_FALSE(refused);
  CHECK(is_expunged(refused.error()));
  CHECK(store->status(full)->messages == 3);
  CHECK(inbox->move(both, full, Missing::Skip)->source == std::vector<Uid>{Uid(1)});
}

TEST_CASE("mboxes are listed, renamed and removed") {
  Home home;
  auto store = home.store();
  auto name = [&](const char* text) { return *store->parse_name(text); };
  REQUIRE(store->create(name("Sent")));
  REQUIRE(store->create(name("a/b/c")));
  CHECK_FALSE(store->create(name("Sent")));
  auto folders = store->list();
  REQUIRE(folders);
  std::vector<std::string> shown;
  for (const auto& folder : *folders) {
    shown.push_back(folder.name.text() + (folder.selectable ? "" : " -"));
  }
  CHECK(shown == std::vector<std::string>{"INBOX", "Sent", "a -", "a/b -", "a/b/c"});
  auto validity = store->status(name("Sent"))->uid_validity;
  REQUIRE(store->rename(name("Sent"), name("x/Gone")));
  CHECK(store->status(name("x/Gone"))->uid_validity == validity);
  REQUIRE(store->rename(name("a"), name("z")));
  CHECK(store->status(name("z/b/c")));
  REQUIRE(store->remove(name("x/Gone")));
  CHECK_FALSE(store->remove(name("x/Gone")));
  REQUIRE(store->create(name("x/Gone")));
  CHECK(store->status(name("x/Gone"))->uid_validity > validity);
  deliver(*store, "Subject: a\n\n");
  REQUIRE(store->rename(MailboxName::inbox(), name("Old")));
  CHECK(store->status(name("Old"))->messages == 1);
  CHECK(store->status(MailboxName::inbox())->messages == 0);
}

TEST_CASE("while another program holds a lock, mail waits") {
  Home home;
  auto store = home.store();
  deliver(*store, "Subject: a\n\n");
  auto size = home.content().size();
  SUBCASE("fcntl") {
    int descriptor = ::open(home.inbox.c_str(), O_RDWR);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    REQUIRE(::fcntl(descriptor, F_OFD_SETLK, &lock) == 0);
    auto outcome = deliver(*store, "Subject: b\n\n");
    CHECK(outcome.kind == DeliveryOutcome::Kind::Retry);
    CHECK(outcome.dsn == "4.2.0");
    CHECK(outcome.reason.find("locked") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(home.inbox + ".lock"));
    ::close(descriptor);
  }
  SUBCASE("dotlock") {
    std::ofstream(home.inbox + ".lock") << "0";
    CHECK(deliver(*store, "Subject: b\n\n").kind == DeliveryOutcome::Kind::Retry);
    std::filesystem::remove(home.inbox + ".lock");
  }
  CHECK(home.content().size() == size);
  CHECK(deliver(*store, "Subject: b\n\n").kind == DeliveryOutcome::Kind::Delivered);
}

TEST_CASE("a delivery that fails is taken back") {
  Home home;
  home.settings.mailbox_size_limit = Limit(450);
  auto store = home.store();
  deliver(*store, "Subject: a\n\n");
  auto before = home.content();
  std::string large(250, 'x');
  auto full = deliver(*store, large);
  CHECK(full.kind == DeliveryOutcome::Kind::Retry);
  CHECK(full.dsn == "4.2.2");
  CHECK(deliver(*store, large + large).dsn == "5.2.2");
  CHECK(home.content() == before);
  Delivery broken;
  broken.body = {std::string_view("Subject: x\n\n"), FileRange{-1, 0, 10}};
  KeepInInbox keep;
  CHECK(store->deliver(broken, keep).kind == DeliveryOutcome::Kind::Retry);
  CHECK(home.content() == before);
}

TEST_CASE("deliveries and flag changes at the same time lose nothing") {
  Home home;
  home.settings.deliver_lock_attempts = 1000;
  auto store = home.store();
  constexpr int count = 40;
  auto deliver_many = [&] {
    auto own = home.store();
    for (int i = 0; i < count; ++i) {
      CHECK(deliver(*own, "Subject: x\n\nbody\n").kind == DeliveryOutcome::Kind::Delivered);
    }
  };
  std::thread first(deliver_many);
  std::thread second(deliver_many);
  auto inbox = open(*store);
  std::vector<Uid> seen;
  for (const auto& message : inbox->messages()) seen.push_back(message.uid);
  while (seen.size() < 2 * count) {
    auto changes = inbox->sync();
    REQUIRE(changes);
    for (auto uid : changes->added) {
      CHECK(inbox->store(std::span(&uid, 1), add(Flags::Seen)));
      seen.push_back(uid);
    }
  }
  first.join();
  second.join();
  for (std::uint32_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == Uid(i + 1));
  for (const auto& message : inbox->messages()) {
    CHECK(all(*inbox, message.uid.value()).ends_with("Subject: x\r\n\r\nbody\r\n"));
  }
}

namespace {

// Runs a rewrite on a copy of the disk's state after each of its writes, and checks what recovery
// makes of it.
struct Rewrite {
  Scratch scratch;
  std::string mbox = scratch / "mbox";
  std::string journal = scratch / "journal";

  std::string content() const { return read_file(mbox, 1 << 20)->value_or(""); }
  void write(const std::string& path, std::string_view text) const { std::ofstream(path) << text; }
  void recover() const {
    Descriptor file(::open(mbox.c_str(), O_RDWR));
    REQUIRE(MboxJournal(file.number(), mbox, FilePlace(journal)).recover());
    CHECK_FALSE(std::filesystem::exists(journal));
  }
  std::string head(char state, std::size_t begin, std::size_t old_size, std::size_t new_size,
                   std::uint64_t hash = 0) const {
    auto text = std::string("pennypost-mbox ") + state + " " + std::to_string(begin) + " " +
                std::to_string(old_size) + " " + std::to_string(new_size) + " " +
                std::to_string(hash) + "\n";
    text.resize(128, '\0');
    return text;
  }
};

}  // namespace

TEST_CASE("a rewrite puts the new end in place, shorter or longer") {
  for (std::string_view end : {"", "short", "much longer than before"}) {
    Rewrite rewrite;
    rewrite.write(rewrite.mbox, "keep|old end");
    Descriptor file(::open(rewrite.mbox.c_str(), O_RDWR));
    MboxJournal journal(file.number(), rewrite.mbox, FilePlace(rewrite.journal));
    REQUIRE(journal.start(5));
    REQUIRE(journal.add(end));
    REQUIRE(journal.copy(0, 4));
    REQUIRE(journal.commit());
    CHECK(rewrite.content() == "keep|" + std::string(end) + "keep");
    CHECK_FALSE(std::filesystem::exists(rewrite.journal));
  }
}

TEST_CASE("after a crash a rewrite is finished or undone, and mail appended since is kept") {
  for (std::string appended : {"", "From new mail, long enough to hide the gap\n"}) {
    CAPTURE(appended);
    Rewrite rewrite;
    // Not complete, not yet extended.
    rewrite.write(rewrite.mbox, "keep|old end" + appended);
    rewrite.write(rewrite.journal, rewrite.head('W', 5, 12, 5) + "half");
    rewrite.recover();
    CHECK(rewrite.content() == "keep|old end" + appended);
    // Not complete, extended.
    rewrite.write(rewrite.mbox, "keep|old end" + std::string(8, '\0') + appended);
    rewrite.write(rewrite.journal, rewrite.head('W', 5, 12, 20) + "the new end....");
    rewrite.recover();
    CHECK(rewrite.content() == "keep|old end" + appended);
    // Complete, half copied, longer.
    rewrite.write(rewrite.mbox, "keep|the end" + std::string(8, '\0') + appended);
    rewrite.write(rewrite.journal, rewrite.head('C', 5, 12, 20) + "the new end....");
    rewrite.recover();
    CHECK(rewrite.content() == "keep|the new end...." + appended);
    // Complete, half copied, shorter.
    rewrite.write(rewrite.mbox, "keep|neld end" + appended);
    rewrite.write(rewrite.journal, rewrite.head('C', 5, 13, 8) + "new");
    rewrite.recover();
    CHECK(rewrite.content() == "keep|new" + appended);
    // Already cut, but the journal is still there.
    rewrite.write(rewrite.mbox, "keep|new" + appended);
    rewrite.write(rewrite.journal, rewrite.head('D', 5, 13, 8, 1234) + "new");
    rewrite.recover();
    CHECK(rewrite.content() == "keep|new" + appended);
    // A journal cut short by the crash.
    rewrite.write(rewrite.journal, "pennypost-mbox C 5");
    rewrite.recover();
    CHECK(rewrite.content() == "keep|new" + appended);
  }
}
