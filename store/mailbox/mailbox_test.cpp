#include "store/mailbox/mailbox.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/base/scratch.h"
#include "store/mailbox/dotlock.h"
#include "store/mailbox/file.h"
#include "store/mailbox/folders.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

// A mailbox some of whose messages can't be removed.
class Stubborn final : public Mailbox {
 public:
  Stubborn(std::vector<Uid> uids, std::vector<Uid> staying, std::vector<Uid>* log)
      : uids_(std::move(uids)), staying_(std::move(staying)), log_(log) {}

  const MailboxName& name() const override { return name_; }
  Access access() const override { return Access::ReadWrite; }
  std::uint32_t uid_validity() const override { return 1; }
  Uid uid_next() const override { return Uid(100); }
  ModSeq highest_modseq() const override { return ModSeq(1); }
  std::span<const Message> messages() const override { return {}; }
  const std::vector<std::string>& keywords() const override { return keywords_; }
  bool is_recent(Uid) const override { return false; }
  Result<Changes> sync() override {
    TRY_DO(look_at_lock());
    return Changes();
  }
  Result<std::uint64_t> octets(Uid) override { return none(); }
  Result<std::int64_t> internal_date(Uid) override { return none(); }
  Result<MessageReader> open(Uid) override { return none(); }
  Result<Stored> store(std::span<const Uid>, const FlagChange&) override { return none(); }
  Result<Copied> copy(std::span<const Uid>, const MailboxName&, Missing) override { return none(); }
  // As if all had been copied: to the UIDs that are greater by 10.
  Result<Copied> move(std::span<const Uid> uids, const MailboxName&, Missing) override {
    Copied copied;
    copied.uid_validity = 7;
    for (auto uid : uids) {
      copied.source.push_back(uid);
      copied.target.emplace_back(uid.value() + 10);
    }
    std::vector<Uid> copies = copied.target;
    return finish_move(std::move(copied), [&]() -> std::unique_ptr<Mailbox> {
      auto target = std::make_unique<Stubborn>(copies, std::vector<Uid>(), log_);
      target->be_locked(target_locked_for_);
      return target;
    });
  }
  // Stops at the first that stays, as the formats do.
  Result<std::vector<Uid>> expunge(std::span<const Uid> uids) override {
    TRY_DO(look_at_lock());
    std::vector<Uid> gone;
    for (auto uid : uids) {
      if (std::ranges::find(uids_, uid) == uids_.end()) continue;
      if (std::ranges::find(staying_, uid) != staying_.end()) {
        if (gone.empty()) return Error(451, ResponseCode::NoPerm, "it stays");
        return gone;
      }
      std::erase(uids_, uid);
      gone.push_back(uid);
      log_->push_back(uid);
    }
    return gone;
  }
  std::vector<std::string> watch_paths() const override { return {}; }
  std::optional<std::string> cached(Uid, CacheItem) override { return {}; }
  void cache(Uid, CacheItem, std::string_view) override {}

  /// The next calls, so many, find it locked; and those of the target of a move.
  void be_locked(int calls, int calls_of_target = 0) {
    locked_for_ = calls;
    target_locked_for_ = calls_of_target;
  }

 private:
  Result<void> look_at_lock() {
    if (locked_for_ == 0) return {};
    --locked_for_;
    return Error(451, ResponseCode::InUse, "it is locked");
  }
  static Error none() { return Error::permanent("not in this test"); }
  MailboxName name_ = MailboxName::inbox();
  std::vector<std::string> keywords_;
  std::vector<Uid> uids_;
  std::vector<Uid> staying_;
  std::vector<Uid>* log_;
  int locked_for_ = 0;
  int target_locked_for_ = 0;
};

}  // namespace

TEST_CASE("of a message that can't leave its mailbox a move leaves no copy") {
  std::vector<Uid> removed;
  std::vector<Uid> four{Uid(1), Uid(2), Uid(3), Uid(4)};
  SUBCASE("all go, but for one that was gone already") {
    Stubborn source({Uid(1), Uid(3), Uid(4)}, {}, &removed);
    auto moved = source.move(four, MailboxName::inbox(), Missing::Skip);
    REQUIRE(moved);
    CHECK(moved->source == four);
    CHECK_FALSE(moved->failure);
    CHECK(removed == std::vector<Uid>{Uid(1), Uid(3), Uid(4)});
  }
  SUBCASE("the third stays, and with it what is behind") {
    Stubborn source(four, {Uid(3)}, &removed);
    auto moved = source.move(four, MailboxName::inbox(), Missing::Skip);
    REQUIRE(moved);
    CHECK(moved->uid_validity == 7);
    CHECK(moved->source == std::vector<Uid>{Uid(1), Uid(2)});
    CHECK(moved->target == std::vector<Uid>{Uid(11), Uid(12)});
    REQUIRE(moved->failure);
    CHECK(moved->failure->text() == "it stays");
    CHECK(removed == std::vector<Uid>{Uid(1), Uid(2), Uid(13), Uid(14)});
  }
  SUBCASE("none goes") {
    Stubborn source(four, four, &removed);
    auto moved = source.move(four, MailboxName::inbox(), Missing::Skip);
    REQUIRE_FALSE(moved);
    CHECK(moved.error().text() == "it stays");
    CHECK(removed == std::vector<Uid>{Uid(11), Uid(12), Uid(13), Uid(14)});
  }
}

TEST_CASE("a lock in the middle of a move leaves no message in both mailboxes") {
  std::vector<Uid> removed;
  std::vector<Uid> two{Uid(1), Uid(2)};
  Stubborn source(two, {}, &removed);
  SUBCASE("the originals are locked for a moment") {
    source.be_locked(3);
    auto moved = source.move(two, MailboxName::inbox(), Missing::Skip);
    REQUIRE(moved);
    CHECK(moved->source == two);
    CHECK(removed == two);
  }
  SUBCASE("they stay locked, and the copies are locked for a moment") {
    constexpr int forever = 1'000'000;
    source.be_locked(forever, 3);
    auto moved = source.move(two, MailboxName::inbox(), Missing::Skip);
    REQUIRE_FALSE(moved);
    CHECK(is_in_use(moved.error()));
    CHECK(removed == std::vector<Uid>{Uid(11), Uid(12)});
  }
}

TEST_CASE("mail_location is expanded for a user") {
  LocationUser bob{"Bob@Example.org", "/home/bob"};
  struct {
    const char* text;
    const char* root;
    const char* inbox;
  } table[] = {
      {"maildir:~/Maildir", "/home/bob/Maildir", "/home/bob/Maildir"},
      {"maildir:~/Maildir/", "/home/bob/Maildir", "/home/bob/Maildir"},
      {"maildir:/srv/%d/%Ln", "/srv/example.org/bob", "/srv/example.org/bob"},
      {"mbox:~/mail:INBOX=/var/mail/%u", "/home/bob/mail", "/var/mail/Bob@Example.org"},
      {"mbox:%h/mail", "/home/bob/mail", "/home/bob/mail/inbox"},
      {"maildir:/a%%b:INDEX=/i/%u", "/a%b", "/a%b"},
  };
  for (const auto& row : table) {
    CAPTURE(row.text);
    auto location = MailLocation::parse(row.text, bob);
    REQUIRE(location);
    CHECK(location->root == row.root);
    CHECK(location->inbox == row.inbox);
  }
}

TEST_CASE("a mail_location that can't be right is refused") {
  LocationUser bob{"bob", "/home/bob"};
  for (const char* text :
       {"", "maildir", "maildir:", "mdbox:~/m", "maildir:relative", "maildir:/x/%q", "maildir:/x/%",
        "maildir:/x:NOPE=/y", "maildir:/x:INBOX=/y", "maildir:/srv/%d/%n"}) {
    CAPTURE(text);
    CHECK_FALSE(MailLocation::parse(text, bob));
  }
  for (const char* name : {"..", "../x", "a/b", ".hidden", "", "a\nb"}) {
    CAPTURE(name);
    CHECK_FALSE(MailLocation::parse("maildir:/srv/%u", LocationUser{name, "/h"}));
  }
  CHECK_FALSE(MailLocation::parse("maildir:~/Maildir", LocationUser{"bob", ""}));
  CHECK(MailLocation::check("maildir:/srv/%d/%n"));
}

TEST_CASE(
    "of Dovecot's other parts of a mail_location some are taken, and the rest is refused in "
    "words") {
  LocationUser bob{"bob", "/home/bob"};
  auto taken = MailLocation::parse(
      "maildir:~/M:LAYOUT=Maildir++:INDEX=MEMORY:VOLATILEDIR=/tmp/%u:LISTESCAPE=\\", bob);
  REQUIRE(taken);
  CHECK(taken->escape == '\\');
  CHECK(taken->index == "/home/bob/M");
  CHECK(MailLocation::parse("mbox:~/mail:LAYOUT=fs", bob));
  CHECK_FALSE(MailLocation::parse("mbox:~/mail:CONTROL=/c", bob));
  auto within = MailLocation::parse("maildir:~/M:LAYOUT=fs:INBOX=~/in:CONTROL=/c/%u", bob);
  REQUIRE(within);
  CHECK(within->is_fs());
  CHECK(within->inbox == "/home/bob/in");
  CHECK(within->control == "/c/bob");
  CHECK(within->index == "/home/bob/.M.pennypost");
  CHECK(within->text() == "maildir:/home/bob/M:LAYOUT=fs:INBOX=/home/bob/in:CONTROL=/c/bob");
  auto dropping = MailLocation::parse("maildir:~/M:LAYOUT=fs:NO-NOSELECT", bob);
  REQUIRE(dropping);
  CHECK(dropping->drops_parents);
  CHECK_FALSE(within->drops_parents);
  CHECK(dropping->text() == "maildir:/home/bob/M:LAYOUT=fs:NO-NOSELECT");
  CHECK_FALSE(MailLocation::parse("mbox:~/mail:NO-NOSELECT", bob));
  for (const char* part : {"LAYOUT=index", "ALT=/a", "UTF-8", "LISTESCAPE=ab", "LISTESCAPE=/"}) {
    CAPTURE(part);
    auto refused = MailLocation::parse(std::string("maildir:~/M:") + part, bob);
    REQUIRE_FALSE(refused);
    auto name = std::string_view(part).substr(0, std::string_view(part).find('='));
    CHECK(refused.error().text().find(name) != std::string::npos);
  }
}

TEST_CASE("folder names are valid or refused") {
  CHECK(MailboxName::parse("inbox", '.')->is_inbox());
  CHECK(MailboxName::parse("inBOX.a", '.')->text() == "INBOX.a");
  for (const char* name :
       {"", ".", ".a", "a.", "a..b", "a/b", "a\nb", "\xff", "\xc3", "\xed\xa0\x80"}) {
    CAPTURE(name);
    CHECK_FALSE(MailboxName::parse(name, '.'));
  }
  for (const char* name : {"/a", "a//b", "..", "a/../b", "./a"}) {
    CAPTURE(name);
    CHECK_FALSE(MailboxName::parse(name, '/'));
  }
  CHECK(MailboxName::parse("a.b/c", '/'));
  CHECK_FALSE(MailboxName::parse(std::string(201, 'x'), '.'));
  CHECK_FALSE(MailboxName::parse("1.2.3.4.5", '.', 4));
}

TEST_CASE("special uses are those of the settings, or the usual ones") {
  StoreSettings settings;
  CHECK(special_use_of("Sent Items", settings) == SpecialUse::Sent);
  settings.special_uses = parse_special_uses({"Drafts", "Gesendet=\\Sent", "Nothing", "x=\\Y"});
  CHECK(settings.special_uses.size() == 2);
  CHECK(special_use_of("Gesendet", settings) == SpecialUse::Sent);
  CHECK(special_use_of("Drafts", settings) == SpecialUse::Drafts);
  CHECK(special_use_of("Sent", settings) == SpecialUse::None);
}

TEST_CASE("modified UTF-7 has one form for each name") {
  struct {
    const char* utf8;
    const char* utf7;
  } table[] = {
      {"INBOX", "INBOX"},
      {"a&b", "a&-b"},
      {"Entw\xc3\xbcrfe", "Entw&APw-rfe"},
      {"~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
       "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
      {"\xf0\x9f\x93\xac", "&2D3c7A-"},
  };
  for (const auto& row : table) {
    CAPTURE(row.utf8);
    CHECK(modified_utf7_encode(row.utf8) == row.utf7);
    CHECK(modified_utf7_decode(row.utf7) == row.utf8);
  }
  for (const char* bad :
       {"&", "&APw", "&AG-", "&AGE-", "&AP!-", "&2D0-", "&APw-&APw-", "\xc3\xbc", "&A-"}) {
    CAPTURE(bad);
    CHECK_FALSE(modified_utf7_decode(bad).has_value());
  }
}

TEST_CASE("a reader converts line ends at any offset") {
  std::string stored;
  std::string expected;
  for (int i = 0; i < 20'000; ++i) {
    stored += "line " + std::to_string(i) + (i % 7 == 0 ? "\r\n" : "\n");
    expected += "line " + std::to_string(i) + "\r\n";
  }
  MessageReader reader(stored);
  CHECK(*reader.octets() == expected.size());
  CHECK(*reader.all() == expected);
  for (std::uint64_t offset : {0ull, 65'535ull, 65'536ull, 131'072ull, 7ull, 200'000ull}) {
    CAPTURE(offset);
    CHECK(*reader.read(offset, 100) == expected.substr(offset, 100));
  }
  CHECK(reader.read(expected.size(), 10)->empty());
  CHECK_FALSE(reader.all(1000));
}

TEST_CASE("the header ends with its empty line") {
  CHECK(*MessageReader("A: b\n\nbody\n").header() == "A: b\r\n\r\n");
  CHECK(*MessageReader("\nbody\n").header() == "\r\n");
  CHECK(*MessageReader("A: b\n").header() == "A: b\r\n");
  CHECK(*MessageReader("A: b\n\nbody\n").header(3) == "A: ");
  std::string large = "A: " + std::string(100'000, 'x') + "\n";
  CHECK(MessageReader(large + "\n" + large).header()->size() == large.size() + 3);
}

TEST_CASE("a lock is waited for, and broken only when its process is gone or it is old") {
  Scratch scratch;
  auto path = scratch / "file";
  auto lock_path = path + ".lock";
  DotlockRule quick;
  quick.attempts = 2;
  quick.delay_ms = 5;
  // For locks that are to be had: on a busy machine the next try may come after `quick` has ended.
  DotlockRule patient = quick;
  patient.attempts = 1000;
  auto old = std::filesystem::file_time_type::clock::now() - std::chrono::seconds(200);

  SUBCASE("our own, held by another thread") {
    auto held = Dotlock::take(path, quick);
    REQUIRE(held);
    auto refused = Dotlock::take(path, quick);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().response_code() == ResponseCode::InUse);
    held->release();
    CHECK(Dotlock::take(path, patient));
  }
  SUBCASE("a process that lives") {
    std::ofstream(lock_path) << ::getppid() << ":" << lock_hostname();
    std::filesystem::last_write_time(lock_path, old);
    CHECK_FALSE(Dotlock::take(path, quick));
  }
  SUBCASE("a process that is gone") {
    std::ofstream(lock_path) << "4194303:" << lock_hostname();
    CHECK(Dotlock::take(path, patient));
  }
  SUBCASE("a process that has ended, though nobody has waited for it") {
    auto child = ::fork();
    if (child == 0) ::_exit(0);
    REQUIRE(child > 0);
    siginfo_t ended{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) == 0);
    std::ofstream(lock_path) << child << ":" << lock_hostname();
    CHECK(Dotlock::take(path, patient));
    ::waitpid(child, nullptr, 0);
  }
  SUBCASE("our pid, of an earlier life") {
    std::ofstream(lock_path) << ::getpid() << ":" << lock_hostname();
    CHECK(Dotlock::take(path, patient));
  }
  SUBCASE("another host, young") {
    std::ofstream(lock_path) << "1:elsewhere.example";
    CHECK_FALSE(Dotlock::take(path, quick));
  }
  SUBCASE("another host, never changed since") {
    // ctime can't be set back; the rule's limit can.
    std::ofstream(lock_path) << "1:elsewhere.example";
    patient.stale_seconds = -2;
    CHECK(Dotlock::take(path, patient));
  }
}
