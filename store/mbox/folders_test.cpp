// Directories and files of an mbox store as folders, and the names that are no folders.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "common/base/scratch.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"
#include "store/mbox/store.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

struct Home {
  Scratch scratch;
  StoreSettings settings;
  std::string root = scratch / "mail";
  std::string inbox = scratch / "bob";
  std::string index = root;

  std::unique_ptr<MailStore> store() {
    settings.fsync = false;
    MailLocation location;
    location.format = MailLocation::Format::Mbox;
    location.root = root;
    location.index = index;
    location.inbox = inbox;
    return std::make_unique<MboxStore>(location, settings);
  }
};

/// Each folder with / for a directory, + for one that has others below it.
std::string tree(MailStore& store) {
  auto folders = store.list();
  REQUIRE(folders);
  std::string text;
  for (const auto& folder : *folders) {
    // An mbox holds messages or folders, never both; INBOX is a file elsewhere.
    CHECK((folder.selectable != folder.may_have_children || folder.name.is_inbox()));
    if (!text.empty()) text += ' ';
    text += folder.name.text();
    if (!folder.selectable) text += '/';
    if (folder.has_children) text += '+';
  }
  return text;
}

enum class Do { Create, CreateParent, Remove, Rename };

Result<void> act(MailStore& store, Do what, std::string_view name, std::string_view to) {
  TRY(auto from, store.parse_name(name));
  switch (what) {
    case Do::Create:
      return store.create(from);
    case Do::CreateParent:
      return store.create_parent(from);
    case Do::Remove:
      return store.remove(from);
    case Do::Rename:
      break;
  }
  TRY(auto target, store.parse_name(to));
  return store.rename(from, target);
}

}  // namespace

TEST_CASE("a directory of an mbox store is a folder of folders, as with Dovecot") {
  struct Step {
    Do what;
    const char* name;
    const char* to;
    ResponseCode code;  // None: it succeeds
    const char* tree;
  };
  using enum ResponseCode;
  const Step steps[] = {
      {Do::CreateParent, "A", "", None, "INBOX A/"},
      {Do::CreateParent, "A", "", AlreadyExists, "INBOX A/"},
      {Do::Create, "A", "", AlreadyExists, "INBOX A/"},
      {Do::Create, "A/b", "", None, "INBOX A/+ A/b"},
      {Do::Create, "A/b/c", "", Cannot, "INBOX A/+ A/b"},
      {Do::CreateParent, "A/b/c", "", Cannot, "INBOX A/+ A/b"},
      {Do::CreateParent, "A/b", "", AlreadyExists, "INBOX A/+ A/b"},
      {Do::Remove, "A", "", Cannot, "INBOX A/+ A/b"},
      {Do::Remove, "A/b", "", None, "INBOX A/"},
      {Do::Remove, "A", "", None, "INBOX"},
      {Do::Remove, "A", "", NonExistent, "INBOX"},
      {Do::Create, "A", "", None, "INBOX A"},
      {Do::Create, "x/y/z", "", None, "INBOX A x/+ x/y/+ x/y/z"},
      {Do::CreateParent, "x/e", "", None, "INBOX A x/+ x/e/ x/y/+ x/y/z"},
      {Do::Rename, "x", "w", None, "INBOX A w/+ w/e/ w/y/+ w/y/z"},
      {Do::Rename, "w/y/z", "q", None, "INBOX A q w/+ w/e/ w/y/"},
      {Do::Rename, "w/y", "r", None, "INBOX A q r/ w/+ w/e/"},
      {Do::Rename, "w", "q/in", Cannot, "INBOX A q r/ w/+ w/e/"},
      {Do::Rename, "q", "A", AlreadyExists, "INBOX A q r/ w/+ w/e/"},
      {Do::Rename, "q", "r", AlreadyExists, "INBOX A q r/ w/+ w/e/"},
      {Do::Rename, "q", "r/q", None, "INBOX A r/+ r/q w/+ w/e/"},
      {Do::Rename, "w", "r/q/w", Cannot, "INBOX A r/+ r/q w/+ w/e/"},
      {Do::Rename, "INBOX", "A/in", Cannot, "INBOX A r/+ r/q w/+ w/e/"},
      {Do::Create, "INBOX/x", "", None, "INBOX+ A INBOX/x r/+ r/q w/+ w/e/"},
      {Do::Remove, "INBOX/x", "", None, "INBOX A r/+ r/q w/+ w/e/"},
  };
  Home home;
  auto store = home.store();
  for (const auto& step : steps) {
    CAPTURE(std::string(step.name));
    CAPTURE(std::string(step.to));
    auto done = act(*store, step.what, step.name, step.to);
    CHECK((done ? None : done.error().response_code()) == step.code);
    if (!done && step.code == None) MESSAGE(done.error().text());
    CHECK(tree(*store) == step.tree);
  }
  CHECK(store->open(*store->parse_name("r"), Access::ReadOnly).error().response_code() == Cannot);
  CHECK(store->status(*store->parse_name("r")).error().response_code() == Cannot);
}

TEST_CASE("what Dovecot keeps of its mailboxes does not keep an emptied directory") {
  Home home;
  auto store = home.store();
  auto top = *store->parse_name("x");
  REQUIRE(store->create(*store->parse_name("x/y")));
  std::filesystem::create_directories(home.root + "/x/.imap/y");
  std::ofstream(home.root + "/x/.imap/y/dovecot.index.log") << "log";
  REQUIRE(store->rename(*store->parse_name("x/y"), *store->parse_name("y")));
  std::ofstream(home.root + "/x/.mine") << "not the store's";
  CHECK(store->remove(top).error().response_code() == ResponseCode::Cannot);
  CHECK(std::filesystem::exists(home.root + "/x/.imap/y/dovecot.index.log"));
  std::filesystem::remove(home.root + "/x/.mine");
  CHECK(store->remove(top));
  CHECK(tree(*store) == "INBOX y");
}

TEST_CASE("names of what an mbox store keeps for itself are no folders' names") {
  Home home;
  home.inbox = home.root + "/spool";
  home.index = home.root + "/kept";
  auto store = home.store();
  REQUIRE(store->create(*store->parse_name("Drafts")));
  REQUIRE(store->open(MailboxName::inbox(), Access::ReadWrite));
  std::filesystem::create_directories(home.root + "/inbox");
  for (const char* file : {"Drafts.lock", ".hidden", "kept/x", "inbox/x", "Work.lock"}) {
    std::ofstream(home.root + "/" + file) << "";
  }
  CHECK(tree(*store) == "INBOX Drafts");
  const std::string long_name(50, '%');
  for (const std::string& name :
       {std::string("Drafts.lock"), std::string("a.lock/b"), std::string(".imap"),
        std::string(".imap/.pennypost/uidvalidity"), std::string(".subscriptions"),
        std::string("a/.b"), std::string("a/.."), std::string("."), std::string("spool"),
        std::string("spool/x"), std::string("spool.lock"), std::string("kept"),
        std::string("kept/x"), "a/" + long_name + long_name}) {
    CAPTURE(name);
    auto parsed = store->parse_name(name);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().response_code() == ResponseCode::Cannot);
  }
  for (const char* name : {"lock", "a.locks", "Drafts.lock2", "spool2", "keptx", "a.b", "%"}) {
    CAPTURE(name);
    CHECK(store->parse_name(name));
  }
}

TEST_CASE("a delivery to a name that is no folder's goes to INBOX") {
  class Into final : public DeliveryFilter {
   public:
    explicit Into(std::string folder) : folder_(std::move(folder)) {}
    DeliveryChoice choose(const Delivery&) override {
      DeliveryChoice choice;
      choice.placements = {Placement{folder_, {}, {}}};
      return choice;
    }

   private:
    std::string folder_;
  };
  Home home;
  auto store = home.store();
  Delivery delivery;
  delivery.queue_id = "4Zk2Qn1";
  delivery.body = {std::string_view("Subject: a\n\n")};
  Into work("Work");
  CHECK(store->deliver(delivery, work).kind == DeliveryOutcome::Kind::Delivered);
  std::uint32_t in_inbox = 0;
  for (const char* name : {"Work.lock", ".imap/x", "a/.b", "../x"}) {
    CAPTURE(name);
    Into elsewhere(name);
    CHECK(store->deliver(delivery, elsewhere).kind == DeliveryOutcome::Kind::Delivered);
    CHECK(store->status(MailboxName::inbox())->messages == ++in_inbox);
  }
  CHECK(tree(*store) == "INBOX Work");
}

TEST_CASE("a folder of any name that is taken can be made and used") {
  Home home;
  auto store = home.store();
  // As long as the file may be that keeps its UIDs.
  std::string longest(200, 'x');
  longest += "/" + std::string(41, 'x');
  for (const std::string& name :
       {longest, std::string("%"), std::string("a&b"), std::string("é")}) {
    CAPTURE(name);
    auto parsed = store->parse_name(name);
    REQUIRE(parsed);
    CHECK(store->create(*parsed));
    NewMessage message;
    message.body = {std::string_view("Subject: a\n\n")};
    auto appended = store->append(*parsed, std::span(&message, 1));
    if (!appended) MESSAGE(appended.error().text());
    CHECK(appended);
  }
}

TEST_CASE("a tree of links that lead back into itself is listed to folders_max") {
  Home home;
  home.settings.folders_max = 50;
  auto store = home.store();
  REQUIRE(store->create(*store->parse_name("a")));
  for (const char* link : {"x", "y", "z"}) {
    std::filesystem::create_directory_symlink(home.root, home.root + "/" + link);
  }
  auto folders = store->list();
  REQUIRE(folders);
  CHECK(folders->size() == 50);
}
