#include "smtpd/backup/maildir_places.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

BackupItem file(const std::string& path) {
  BackupItem item;
  item.path = path;
  return item;
}

BackupItem directory(const std::string& path) {
  auto item = file(path);
  item.kind = BackupItem::Kind::Directory;
  return item;
}

// Where something in a backup is here; empty: nowhere.
std::string moved(const MaildirPlaces& there, const MaildirPlaces& here, const BackupItem& item) {
  auto part = there.part_of(item);
  return part ? here.path(*part) : "";
}

}  // namespace

TEST_CASE("a Maildir++ comes back at another path, folder by folder") {
  MaildirPlaces there({"bob", "maildir", "/old/M", "/old/M"});
  MaildirPlaces here({"bob", "maildir", "/new/M", "/new/M"});
  CHECK(moved(there, here, file("/old/M/cur/1:2,S")) == "/new/M/cur/1:2,S");
  CHECK(moved(there, here, file("/old/M/.Sent.2024/cur/1")) == "/new/M/.Sent.2024/cur/1");
  CHECK(moved(there, here, file("/old/M/.Sent/dovecot-uidlist")) == "/new/M/.Sent/dovecot-uidlist");
  CHECK(moved(there, here, file("/old/M/subscriptions")) == "/new/M/subscriptions");
  CHECK(moved(there, here, file("/old/other")).empty());
  CHECK(there.part_of(directory("/old/M/.Sent"))->folder == ".Sent");
  CHECK(there.part_of(file("/old/M/.hidden"))->folder.empty());
  CHECK(*there.key_of("Sent.2024") == ".Sent.2024");
  CHECK(there.key_of("INBOX")->empty());
  CHECK_FALSE(there.key_of("a/b"));
}

TEST_CASE("with LAYOUT=fs a folder is all levels above its messages and files") {
  MaildirPlaces there({"bob", "maildir-fs", "/old/M", "/old/M"});
  MaildirPlaces here({"bob", "maildir-fs", "/new/M", "/new/in"});
  CHECK(moved(there, here, file("/old/M/a/b/cur/1")) == "/new/M/a/b/cur/1");
  CHECK(moved(there, here, file("/old/M/a/b/dovecot-acl")) == "/new/M/a/b/dovecot-acl");
  CHECK(moved(there, here, directory("/old/M/a")) == "/new/M/a");
  CHECK(moved(there, here, file("/old/M/new/1")) == "/new/in/new/1");
  CHECK(moved(there, here, file("/old/M/dovecot-uidlist")) == "/new/in/dovecot-uidlist");
  CHECK(moved(there, here, file("/old/M/subscriptions")) == "/new/M/subscriptions");
  CHECK(moved(here, there, file("/new/in/cur/1")) == "/old/M/cur/1");
  CHECK(moved(here, there, file("/new/M/subscriptions")) == "/old/M/subscriptions");
  CHECK(there.part_of(file("/old/M/a/b/cur/1"))->folder == "a/b");
  CHECK(*there.key_of("a/b") == "a/b");
}

TEST_CASE("lists come back to where CONTROL= says here, wherever they were") {
  for (std::string format : {"maildir", "maildir-fs"}) {
    CAPTURE(format);
    std::string dot = format == "maildir" ? "." : "";
    MaildirPlaces plain({"bob", format, "/M", "/M"});
    MaildirPlaces apart({"bob", format, "/M", "/M", "/C"});
    CHECK(moved(plain, apart, file("/M/dovecot-uidlist")) == "/C/" + dot + "INBOX/dovecot-uidlist");
    CHECK(moved(plain, apart, file("/M/" + dot + "a/dovecot-keywords")) ==
          "/C/" + dot + "a/dovecot-keywords");
    CHECK(moved(plain, apart, file("/M/subscriptions")) == "/C/subscriptions");
    CHECK(moved(plain, apart, file("/M/pennypost-account-meta")) == "/M/pennypost-account-meta");
    CHECK(moved(apart, plain, file("/C/" + dot + "INBOX/dovecot-uidlist")) == "/M/dovecot-uidlist");
    CHECK(moved(apart, plain, file("/C/" + dot + "a/dovecot-uidlist")) ==
          "/M/" + dot + "a/dovecot-uidlist");
    CHECK(moved(apart, plain, file("/C/subscriptions")) == "/M/subscriptions");
    CHECK(moved(apart, apart, file("/M/" + dot + "a/cur/1")) == "/M/" + dot + "a/cur/1");
  }
}
