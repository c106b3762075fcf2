#include "store/maildir/resync.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/base/scratch.h"
#include "store/index/index.h"
#include "store/maildir/store.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

struct Mail {
  Scratch scratch;
  std::string root = scratch / "Maildir";
  MailLocation location;
  StoreSettings settings;

  Mail() {
    location.root = location.inbox = location.index = root;
    settings.fsync = false;
  }
  MaildirLayout layout() const { return MaildirLayout(location, settings); }
  std::vector<std::uint32_t> uids() const {
    MaildirStore store(location, settings);
    auto inbox = store.open(MailboxName::inbox(), Access::ReadOnly);
    REQUIRE(inbox);
    std::vector<std::uint32_t> found;
    for (const auto& message : (*inbox)->messages()) found.push_back(message.uid.value());
    return found;
  }
  void put(const std::string& name) const { std::ofstream(root + "/cur/" + name) << "a: b\n\nc\n"; }
  std::string list() const {
    std::ostringstream text;
    text << std::ifstream(root + "/dovecot-uidlist").rdbuf();
    return text.str();
  }
};

using Uids = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("a resync gives files UIDs, drops records without files, and keeps all other UIDs") {
  Mail mail;
  CHECK(mail.uids().empty());
  for (const char* name : {"1.a.h:2,S", "2.b.h:2,", "3.c.h:2,"}) mail.put(name);
  CHECK(mail.uids() == Uids{1, 2, 3});
  std::filesystem::remove(mail.root + "/cur/2.b.h:2,");
  mail.put("0.new.h:2,");
  auto before = mail.layout().uidlist(MailboxName::inbox());
  REQUIRE(before.refresh());
  auto done = resync_folder(mail.layout(), MailboxName::inbox());
  REQUIRE_MESSAGE(done, (done ? "" : done.error().text()));
  CHECK(done->messages == 3);
  CHECK(done->added == 1);
  CHECK(done->dropped == 1);
  CHECK(mail.list().find(":2.b.h") == std::string::npos);
  CHECK(mail.uids() == Uids{1, 3, 4});
  auto after = mail.layout().uidlist(MailboxName::inbox());
  REQUIRE(after.refresh());
  CHECK(after.uid_validity() == before.uid_validity());
  CHECK(after.guid() == before.guid());
  CHECK(after.identity() != before.identity());
  // The next time it is renewed again, and has one renewal still.
  REQUIRE(resync_folder(mail.layout(), MailboxName::inbox()));
  auto header = mail.list().substr(0, mail.list().find('\n'));
  CHECK(header.find(" R") == header.rfind(" R"));
  CHECK(mail.uids() == Uids{1, 3, 4});
}

TEST_CASE("what an index has of a folder is void after a resync, and its mod-sequences go up") {
  Mail mail;
  Index index(mail.scratch / "index");
  mail.settings.index = &index;
  MaildirStore store(mail.location, mail.settings);
  REQUIRE(store.open(MailboxName::inbox(), Access::ReadWrite));
  mail.put("1.a.h:2,S");
  auto opened = store.open(MailboxName::inbox(), Access::ReadWrite);
  REQUIRE(opened);
  auto& inbox = **opened;
  inbox.cache(Uid(1), CacheItem::Envelope, "kept");
  auto modseq = inbox.messages()[0].modseq;
  REQUIRE(inbox.cached(Uid(1), CacheItem::Envelope) == "kept");
  REQUIRE(resync_folder(mail.layout(), MailboxName::inbox()));
  auto changes = inbox.sync();
  REQUIRE(changes);
  CHECK_FALSE(changes->uid_validity);
  CHECK_FALSE(inbox.cached(Uid(1), CacheItem::Envelope));
  REQUIRE(inbox.messages().size() == 1);
  CHECK(inbox.messages()[0].uid == Uid(1));
  CHECK(inbox.messages()[0].modseq >= modseq);
  CHECK(inbox.highest_modseq() >= modseq);
}

TEST_CASE("a resync of a folder that is not there is refused") {
  Mail mail;
  auto name = MailboxName::parse("Nope", '.');
  REQUIRE(name);
  auto done = resync_folder(mail.layout(), *name);
  REQUIRE_FALSE(done);
  CHECK(done.error().response_code() == ResponseCode::NonExistent);
}
