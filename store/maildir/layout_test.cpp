#include "store/maildir/layout.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/base/scratch.h"
#include "store/mailbox/quota_rules.h"
#include "store/maildir/folder_list.h"
#include "store/maildir/store.h"

using namespace pennypost;
using namespace pennypost::store;
namespace fs = std::filesystem;

namespace {

// A Maildir whose location has what `more` says behind its path.
struct Home {
  Scratch scratch;
  StoreSettings settings;
  std::string root = scratch / "Maildir";
  MailLocation location;

  explicit Home(const std::string& more = ":LAYOUT=fs") {
    settings.hostname = "mx.example.org";
    settings.fsync = false;
    auto parsed = MailLocation::parse("maildir:" + root + more,
                                      {"bob", std::filesystem::path(root).parent_path()});
    if (!parsed) MESSAGE(parsed.error().text());
    REQUIRE(parsed);
    location = *std::move(parsed);
  }
  std::unique_ptr<MailStore> store() const {
    return std::make_unique<MaildirStore>(location, settings);
  }
  bool has(const std::string& path) const { return fs::exists(root + "/" + path); }
  void make(const std::string& path) const { fs::create_directories(root + "/" + path); }
};

MailboxName name(MailStore& store, std::string_view text) {
  auto parsed = store.parse_name(text);
  if (!parsed) MESSAGE(parsed.error().text());
  REQUIRE(parsed);
  return *std::move(parsed);
}

std::vector<std::string> list(MailStore& store) {
  auto folders = store.list();
  REQUIRE(folders);
  std::vector<std::string> shown;
  for (const auto& folder : *folders) {
    shown.push_back(folder.name.text() + (folder.selectable ? "" : " -") +
                    (folder.subscribed ? " *" : ""));
  }
  return shown;
}

std::uint32_t append(MailStore& store, const std::string& folder,
                     std::vector<std::string> keywords = {}) {
  NewMessage message;
  message.body = {"Subject: x\n\nbody\n"};
  message.keywords = std::move(keywords);
  auto appended = store.append(name(store, folder), std::span(&message, 1));
  if (!appended) MESSAGE(appended.error().text());
  REQUIRE(appended);
  return appended->uids.at(0).value();
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("with LAYOUT=fs folders are directories within each other, and INBOX is the root") {
  Home home;
  auto store = home.store();
  CHECK(store->separator() == '/');
  REQUIRE(store->create(name(*store, "Work/2026")));
  REQUIRE(store->create(name(*store, "Entw\xc3\xbcrfe")));
  REQUIRE(store->create(name(*store, "INBOX/Sub")));
  CHECK(home.has("Work/2026/cur"));
  CHECK_FALSE(home.has("Work/cur"));
  CHECK_FALSE(home.has("Work/2026/maildirfolder"));
  CHECK(home.has("Entw&APw-rfe/cur"));
  CHECK(home.has("INBOX/Sub/cur"));
  append(*store, "INBOX");
  CHECK(home.has("cur"));
  CHECK(list(*store) == Names{"INBOX", "Entw\xc3\xbcrfe", "INBOX/Sub", "Work -", "Work/2026"});
}

TEST_CASE("with LAYOUT=fs a level without messages can get some, and lose them again") {
  Home home;
  auto store = home.store();
  REQUIRE(store->create(name(*store, "a/b")));
  CHECK(store->open(name(*store, "a"), Access::ReadOnly).error().response_code() ==
        ResponseCode::Cannot);
  CHECK_FALSE(store->status(name(*store, "a")));
  REQUIRE(store->create(name(*store, "a")));
  CHECK(store->create(name(*store, "a")).error().response_code() == ResponseCode::AlreadyExists);
  append(*store, "a");
  append(*store, "a/b");
  REQUIRE(store->remove(name(*store, "a")));
  CHECK(list(*store) == Names{"INBOX", "a -", "a/b"});
  CHECK_FALSE(home.has("a/dovecot-uidlist"));
  CHECK(store->status(name(*store, "a/b"))->messages == 1);
  CHECK(store->remove(name(*store, "a")).error().response_code() == ResponseCode::Cannot);
  REQUIRE(store->remove(name(*store, "a/b")));
  REQUIRE(store->remove(name(*store, "a")));
  CHECK_FALSE(home.has("a"));
  CHECK_FALSE(store->remove(name(*store, "a")));
  // What is no mailbox may be anybody's.
  home.make("documents");
  std::ofstream(home.root + "/documents/letter") << "x";
  CHECK_FALSE(store->remove(name(*store, "documents")));
  CHECK(home.has("documents/letter"));
  fs::remove_all(home.root + "/documents");
  REQUIRE(store->create_parent(name(*store, "later")));
  CHECK(list(*store) == Names{"INBOX", "later -"});
}

TEST_CASE("with LAYOUT=fs a folder made again has another UIDVALIDITY") {
  Home home;
  auto store = home.store();
  auto sent = name(*store, "Sent");
  REQUIRE(store->create(sent));
  auto before = store->status(sent)->uid_validity;
  REQUIRE(store->remove(sent));
  REQUIRE(store->create(sent));
  CHECK(store->status(sent)->uid_validity > before);
}

TEST_CASE("with LAYOUT=fs a folder is renamed with all below it, and nothing is replaced") {
  Home home;
  auto store = home.store();
  REQUIRE(store->create(name(*store, "a/b/c")));
  REQUIRE(store->create(name(*store, "a")));
  append(*store, "a/b/c");
  auto validity = store->status(name(*store, "a/b/c"))->uid_validity;
  REQUIRE(store->rename(name(*store, "a"), name(*store, "old/x")));
  CHECK(list(*store) == Names{"INBOX", "old -", "old/x", "old/x/b -", "old/x/b/c"});
  CHECK(store->status(name(*store, "old/x/b/c"))->uid_validity == validity);
  CHECK(store->status(name(*store, "old/x/b/c"))->messages == 1);
  CHECK_FALSE(store->rename(name(*store, "old"), name(*store, "old/x/y")));
  REQUIRE(store->create(name(*store, "fresh/one")));
  CHECK_FALSE(store->rename(name(*store, "fresh/one"), name(*store, "old/x")));
  std::ofstream(home.root + "/file") << "x";
  CHECK_FALSE(store->rename(name(*store, "fresh/one"), name(*store, "file")));
  CHECK_FALSE(store->create(name(*store, "file/below")));
  REQUIRE(store->rename(MailboxName::inbox(), name(*store, "Archive")));
}

TEST_CASE("with LAYOUT=fs what Maildir and Dovecot need is no folder's name") {
  Home home;
  auto store = home.store();
  for (const char* text :
       {"cur", "new", "tmp", "a/cur", "cur/a", "a/new/b", "tmp/x", "dovecot-uidlist", "a/dovecot.x",
        "pennypost-meta", "subscriptions", "maildirsize", "a/maildirfolder", ".hidden", "a/..",
        "../x", "a/./b", "x.lock"}) {
    CAPTURE(text);
    CHECK_FALSE(store->parse_name(text));
  }
  for (const char* text : {"Cur", "curry", "Lists/subscriptions", "a.b"}) {
    CAPTURE(text);
    CHECK(store->parse_name(text));
  }
  home.make("dovecot.lucene-indexes/x/cur");
  home.make(".trash/cur");
  home.make("x&y/cur");
  home.make("inbox/k/cur");
  home.make("tmp/sub/cur");
  CHECK(list(*store) == Names{"INBOX"});
}

TEST_CASE("with NO-NOSELECT a folder without messages goes with the last one below it") {
  for (bool drops : {true, false}) {
    CAPTURE(drops);
    Home home(std::string(":LAYOUT=fs:CONTROL=~/lists") + (drops ? ":NO-NOSELECT" : ""));
    auto store = home.store();
    REQUIRE(store->create(name(*store, "a/b/c")));
    REQUIRE(store->create(name(*store, "a/b/d")));
    REQUIRE(store->remove(name(*store, "a/b/c")));
    CHECK(home.has("a/b/d"));
    REQUIRE(store->remove(name(*store, "a/b/d")));
    CHECK(home.has("a") != drops);
    CHECK(fs::exists(home.location.control + "/a") != drops);
    // CREATE with a separator at the end.
    REQUIRE(store->create_parent(name(*store, "x")));
    CHECK(home.has("x/cur") == drops);
    REQUIRE(store->create(name(*store, "x/y/z")));
    home.make("x/empty/deep");
    CHECK(list(*store) == (drops ? Names{"INBOX", "x", "x/y -", "x/y/z"}
                                 : Names{"INBOX", "a -", "a/b -", "x -", "x/empty -",
                                         "x/empty/deep -", "x/y -", "x/y/z"}));
    // What is above the old name is gone in either case, unless something is in it.
    REQUIRE(store->rename(name(*store, "x/y/z"), name(*store, "u")));
    CHECK_FALSE(home.has("x/y"));
    CHECK(home.has("x/empty"));
    // What is not shown is in nobody's way.
    CHECK(store->rename(name(*store, "u"), name(*store, "x/empty/deep")).has_value() == drops);
    REQUIRE(store->create(name(*store, "v/w")));
    std::ofstream(home.root + "/v/notes") << "kept";
    REQUIRE(store->remove(name(*store, "v/w")));
    CHECK(home.has("v/notes"));
  }
}

TEST_CASE("with LAYOUT=fs names end at named limits of depth and length") {
  Home home;
  auto store = home.store();
  std::string deep = "d";
  for (std::size_t level = 1; level < MailboxName::levels_max; ++level) deep += "/d";
  REQUIRE(store->create(name(*store, deep)));
  CHECK_FALSE(store->parse_name(deep + "/d"));
  CHECK(list(*store).size() == MailboxName::levels_max + 1);
  home.make(deep + "/d/cur");
  CHECK(list(*store).size() == MailboxName::levels_max + 1);
  CHECK_FALSE(store->parse_name(std::string(201, 'x')));
  std::string lengthy = std::string(150, 'x') + "/" + std::string(150, 'y');
  home.make(lengthy + "/cur");
  CHECK(store->status(*MailboxName::parse(lengthy, '/', 2, 400))->messages == 0);
  home.settings.folders_max = 3;
  auto limited = home.store();
  CHECK(limited->create(name(*limited, "more")).error().response_code() == ResponseCode::Limit);
}

TEST_CASE(
    "with LAYOUT=fs links are folders, but none leads in circles, and only a link is removed") {
  Home home;
  auto store = home.store();
  REQUIRE(store->create(name(*store, "a/b")));
  fs::create_directories(home.scratch / "elsewhere/cur");
  std::ofstream(home.scratch / "elsewhere/cur/1") << "x";
  fs::create_directory_symlink(home.scratch / "elsewhere", home.root + "/link");
  fs::create_directory_symlink(".", home.root + "/loop");
  fs::create_directory_symlink("../..", home.root + "/a/b/up");
  fs::create_directory_symlink("nowhere", home.root + "/broken");
  CHECK(list(*store) == Names{"INBOX", "a -", "a/b", "link"});
  REQUIRE(store->remove(name(*store, "link")));
  CHECK(fs::exists(home.scratch / "elsewhere/cur/1"));
  CHECK_FALSE(fs::is_symlink(home.root + "/link"));
  // Its directory stays, for what is in it is not known.
  REQUIRE(store->remove(name(*store, "a/b")));
  CHECK(fs::is_symlink(home.root + "/a/b/up"));
}

TEST_CASE("with LAYOUT=fs names are translated where the namespace has another separator") {
  Home home;
  home.settings.separator = '.';
  home.settings.namespace_prefix = "INBOX.";
  auto store = home.store();
  REQUIRE(store->create(name(*store, "INBOX.Work.2026")));
  CHECK(home.has("Work/2026/cur"));
  REQUIRE(store->subscribe(name(*store, "INBOX.Work.2026")));
  CHECK(read_file(home.root + "/subscriptions", 1000)->value() == "V\t2\n\nWork\t2026\n");
  CHECK(list(*store) == Names{"INBOX", "INBOX.Work -", "INBOX.Work.2026 *"});
}

TEST_CASE("with LAYOUT=fs INBOX= may name a place of its own") {
  Home home(":LAYOUT=fs:INBOX=~/Spool");
  auto store = home.store();
  append(*store, "INBOX");
  REQUIRE(store->create(name(*store, "a")));
  CHECK(fs::exists(home.scratch / "Spool/cur"));
  CHECK_FALSE(home.has("cur"));
  CHECK(home.has("a/cur"));
  CHECK(list(*store) == Names{"INBOX", "a"});
  CHECK(store->status(MailboxName::inbox())->messages == 1);
}

TEST_CASE(
    "with LAYOUT=fs INBOX= may name a directory in the root, and none is shown or counted twice") {
  for (const char* place : {"INBOX", "Incoming"}) {
    CAPTURE(place);
    Home home(std::string(":LAYOUT=fs:INBOX=~/Maildir/") + place);
    auto store = home.store();
    append(*store, "INBOX");
    REQUIRE(store->create(name(*store, "INBOX/a")));
    CHECK(home.has("INBOX/a/cur"));
    CHECK(list(*store) == Names{"INBOX", "INBOX/a"});
    CHECK(store->usage()->messages == 1);
    CHECK(store->parse_name("Incoming").has_value() == (std::string_view(place) == "INBOX"));
  }
}

TEST_CASE("with LAYOUT=fs the quota counts all folders but those it is to leave out") {
  Home home;
  auto rules = QuotaRules::parse("*:bytes=1000 Spam/Old:ignore");
  REQUIRE(rules);
  home.settings.quota_bytes = rules->limits().bytes;
  home.settings.quota_rules = std::make_shared<const QuotaRules>(*rules);
  auto store = home.store();
  for (const char* folder : {"Work/2026", "Spam/Old"}) {
    REQUIRE(store->create(name(*store, folder)));
    append(*store, folder);
  }
  append(*store, "INBOX");
  CHECK(store->recount()->messages == 2);
  CHECK(home.has("maildirsize"));
  CHECK(list(*store).size() == 5);
}

TEST_CASE("an index lies beside a Maildir with LAYOUT=fs, where it is nobody's folder") {
  Home home;
  CHECK(home.location.index == home.scratch / ".Maildir.pennypost");
  Home named(":LAYOUT=fs:INDEX=~/Maildir/index");
  auto store = named.store();
  named.make("index/pennypost-words");
  CHECK(list(*store) == Names{"INBOX"});
  CHECK_FALSE(store->parse_name("index/x"));
  CHECK(MailLocation::parse(home.location.text(), {})->text() == home.location.text());
}

TEST_CASE("CONTROL= takes Dovecot's lists out of the mail, in either layout") {
  for (const char* layout : {"maildir++", "fs"}) {
    CAPTURE(layout);
    bool is_fs = std::string_view(layout) == "fs";
    Home home(std::string(":LAYOUT=") + layout + ":CONTROL=~/C");
    auto control = home.scratch / "C";
    auto of_folder = [&](std::string text) {
      for (char& c : text) c = is_fs && c == '.' ? '/' : c;
      return control + "/" + (is_fs ? "" : ".") + text;
    };
    auto store = home.store();
    auto named = [&](std::string text) {
      for (char& c : text) c = c == '.' ? store->separator() : c;
      return name(*store, text);
    };
    home.settings.quota_bytes = 100000;
    auto limited = home.store();
    append(*limited, "INBOX", {"work"});
    REQUIRE(store->create(named("a")));
    REQUIRE(store->create(named("a.b")));
    append(*store, named("a.b").text(), {"work"});
    REQUIRE(store->subscribe(named("a.b")));
    REQUIRE(limited->recount());
    for (const char* list : {"/subscriptions", "/maildirsize", "/dovecot-uidvalidity"}) {
      CAPTURE(list);
      CHECK(fs::exists(control + list));
      CHECK_FALSE(home.has(list));
    }
    CHECK(fs::exists(of_folder("INBOX") + "/dovecot-keywords"));
    CHECK(fs::exists(of_folder("a.b") + "/dovecot-uidlist"));
    CHECK_FALSE(home.has("dovecot-uidlist"));

    auto validity = store->status(named("a.b"))->uid_validity;
    REQUIRE(store->rename(named("a"), named("q")));
    CHECK(store->status(named("q.b"))->uid_validity == validity);
    auto opened = store->open(named("q.b"), Access::ReadWrite);
    REQUIRE(opened);
    CHECK((*opened)->keyword_names((*opened)->messages()[0].keywords) == Names{"work"});
    CHECK_FALSE(fs::exists(of_folder("a")));
    REQUIRE(store->remove(named("q")));
    CHECK_FALSE(fs::exists(of_folder("q") + "/dovecot-uidlist"));
    CHECK(store->status(named("q.b"))->messages == 1);
    REQUIRE(store->remove(named("q.b")));
    CHECK_FALSE(fs::exists(of_folder("q.b")));
  }
}
