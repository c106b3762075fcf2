#include "smtpd/delivery/room.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "common/base/scratch.h"
#include "common/config/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// A user with 1000 octets of room, of which `used` are used.
struct Home {
  Scratch scratch;
  std::vector<std::string> settings;
  MeasureRoom ask;

  explicit Home(std::size_t used = 0) {
    ask.recipient.address = ask.recipient.original = "bob@here.test";
    ask.sender = "ann@far.test";
    ask.account.name = "bob@here.test";
    ask.account.home = scratch.path();
    ask.account.mail_location = "maildir:~/Maildir";
    ask.account.quota = "*:bytes=1000";
    std::filesystem::create_directories(scratch / "Maildir/cur");
    std::ofstream(scratch / "Maildir/cur/1.a:2,S") << std::string(used, 'x');
  }
  void script(std::string_view text) { std::ofstream(scratch / ".dovecot.sieve") << text; }
  Fate fate(std::uint64_t bytes) {
    ask.bytes = bytes;
    auto room = room_for(*config_for_test(settings), ask);
    spare = room.spare_bytes;
    return room.fate;
  }
  std::uint64_t spare = 0;
};

}  // namespace

TEST_CASE("a mailbox has room for what fits beside its mail, with the fields of the delivery") {
  Home room(500);
  // Return-Path, X-Original-To and Delivered-To.
  CHECK(room.fate(400).code == 250);
  CHECK(room.spare == 500);
  CHECK(room.fate(499).code == 452);
  CHECK(room.spare == 0);
  auto fate = room.fate(600);
  CHECK(fate.code == 452);
  CHECK(fate.status == "4.2.2");
  CHECK(fate.text == "Quota exceeded (mailbox for user is full)");
}

TEST_CASE("quota_exceeded = reject refuses for good, as does more than the whole quota") {
  Home room(500);
  auto alone = room.fate(2000);
  CHECK(alone.code == 552);
  CHECK(alone.status == "5.2.2");
  CHECK(alone.text == "The message is larger than the mailbox's quota");
  room.settings = {"quota_exceeded=reject", "quota_exceeded_message=no more"};
  auto fate = room.fate(600);
  CHECK(fate.code == 552);
  CHECK(fate.status == "5.2.2");
  CHECK(fate.text == "no more");
}

TEST_CASE("what a script may send away or put where another rule holds is left to the delivery") {
  Home room(900);
  room.script("require \"vacation\"; vacation \"away\";");
  CHECK(room.fate(500).code == 452);
  room.script("require \"fileinto\"; fileinto \"Lists\"; # anywhere");
  CHECK(room.fate(500).code == 452);
  room.ask.account.quota = "*:bytes=1000 Trash:bytes=+100%";
  CHECK(room.fate(500).code == 452);
  room.ask.account.quota = "*:bytes=1000 Lists:bytes=+100%";
  CHECK(room.fate(500).code == 250);
  room.ask.account.quota = "*:bytes=1000 Lists:ignore";
  CHECK(room.fate(500).code == 250);
  room.ask.account.quota = "*:bytes=1000";
  room.script("redirect \"bob@else.test\"; # all of it");
  CHECK(room.fate(500).code == 250);
}

TEST_CASE("what is spare is not told where a limit of messages is near") {
  Home room;
  room.ask.account.quota = "*:messages=1000";
  CHECK(room.fate(500).code == 250);
  CHECK(room.spare == UINT64_MAX);
  room.ask.account.quota = "*:bytes=1000:messages=50";
  CHECK(room.fate(500).code == 250);
  CHECK(room.spare == 0);
}

TEST_CASE("a mailbox that can't be found or has no quota has room") {
  Home room;
  room.ask.account.quota = "";
  CHECK(room.fate(5000).code == 250);
  room.ask.account.quota = "*:bytes=1000";
  room.ask.account.mail_location = "nonsense";
  CHECK(room.fate(5000).code == 250);
}
