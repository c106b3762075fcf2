#include "store/mbox/state.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/base/clock.h"
#include "common/base/scratch.h"

using namespace pennypost;
using namespace pennypost::store;
namespace fs = std::filesystem;

namespace {

const std::string directory = "mail/.imap/.pennypost";

void chmod(const std::string& path, unsigned mode) {
  fs::permissions(path, static_cast<fs::perms>(mode));
}

}  // namespace

TEST_CASE("what is kept of a mailbox is read again, until it is forgotten") {
  Scratch scratch;
  MboxState state(scratch / "mail", false);
  auto name = *MailboxName::parse("a/b%c", '/');
  CHECK(*state.uids(name) == std::nullopt);
  CHECK_FALSE(fs::exists(scratch / "mail"));
  MboxState::Uids uids;
  uids.uid_validity = *state.new_uid_validity(Clock::system());
  uids.next_uid = 17;
  REQUIRE(state.keep(name, uids));
  CHECK(fs::exists(scratch / (directory + "/a%2Fb%25c.state")));
  auto kept = *state.uids(name);
  REQUIRE(kept);
  CHECK(kept->uid_validity == uids.uid_validity);
  CHECK(kept->next_uid == 17);
  CHECK(*state.new_uid_validity(Clock::system()) > uids.uid_validity);
  REQUIRE(state.forget(name));
  CHECK(*state.uids(name) == std::nullopt);
}

TEST_CASE("a location without an index keeps nothing") {
  MboxState state("", false);
  auto inbox = MailboxName::inbox();
  CHECK(*state.uids(inbox) == std::nullopt);
  CHECK_FALSE(state.left_by_rewrite(inbox)->journal.has_value());
  CHECK(state.forget(inbox));
}

TEST_CASE("files and directories that others may write to are not trusted") {
  Scratch scratch;
  MboxState state(scratch / "mail", false);
  auto inbox = MailboxName::inbox();
  MboxState::Uids uids;
  uids.uid_validity = 7;
  REQUIRE(state.keep(inbox, uids));
  const auto journal = scratch / (directory + "/INBOX.journal");
  std::ofstream(journal) << "journal";
  chmod(journal, 0600);
  REQUIRE(state.left_by_rewrite(inbox)->journal.has_value());

  for (auto path : {journal, scratch / directory, scratch / "mail/.imap"}) {
    CAPTURE(path);
    auto before = static_cast<unsigned>(fs::status(path).permissions());
    for (auto bits : {020u, 002u}) {
      chmod(path, before | bits);
      auto found = state.left_by_rewrite(inbox);
      REQUIRE_FALSE(found);
      CHECK(found.error().code() == 451);
      CHECK(found.error().text().starts_with(path + " must belong to the account"));
      chmod(path, before);
      CHECK(state.left_by_rewrite(inbox));
    }
  }
  // The mailbox directory itself may be shared; what is ours is below it.
  chmod(scratch / "mail", 0777);
  CHECK(state.uids(inbox)->has_value());
}

TEST_CASE("a link or a second name is no file of the account's own") {
  Scratch scratch;
  MboxState state(scratch / "mail", false);
  auto inbox = MailboxName::inbox();
  REQUIRE(state.keep(inbox, {}));
  const auto journal = scratch / (directory + "/INBOX.journal");
  std::ofstream(scratch / "planted") << "journal";
  chmod(scratch / "planted", 0600);
  SUBCASE("a symbolic link") { fs::create_symlink(scratch / "planted", journal); }
  SUBCASE("a hard link") { fs::create_hard_link(scratch / "planted", journal); }
  SUBCASE("a directory") { fs::create_directory(journal); }
  CHECK_FALSE(state.left_by_rewrite(inbox));
}
