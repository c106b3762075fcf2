#include "store/indexing/word_follower.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "common/base/scratch.h"
#include "common/config/testing.h"
#include "common/log/sink.h"
#include "store/search/place.h"
#include "store/stores/store_settings.h"
#include "store/stores/stores.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

constexpr Duration never{3'600'000};

// A deliver process, and its accounts.
struct Host {
  AccountRef account(const std::string& name) const {
    AccountRef made;
    made.name = name;
    made.mail_location = "maildir:" + scratch / name;
    return made;
  }
  MailLocation location(const std::string& name) const {
    return *MailLocation::parse(account(name).mail_location, {});
  }
  std::unique_ptr<MailStore> store(const std::string& name) const {
    return open_store(location(name), store_settings(*config, account(name)));
  }
  std::string directory(const std::string& name) const { return words_directory(location(name)); }

  // An index without any message, as if its user had searched an empty mailbox.
  void make_index(const std::string& name) const {
    auto writer = WordWriter::open(directory(name));
    REQUIRE(writer);
    REQUIRE((*writer)->commit());
  }
  // Delivers a message as the process does, and lets the follower know.
  void deliver(WordFollower& follower, const std::string& name, const std::string& folder = "INBOX",
               std::string_view text = "Subject: fruit\n\napples and pears\n") {
    Delivery delivery;
    delivery.queue_id = "Q" + std::to_string(++delivered);
    delivery.arrival_seconds = 1'700'000'000;
    delivery.body = {text};
    KeepInFolder filter(folder);
    auto outcome = store(name)->deliver(delivery, filter);
    REQUIRE(outcome.kind == DeliveryOutcome::Kind::Delivered);
    auto mail = mail_to_follow(config, account(name), {folder});
    if (mail) follower.note(*std::move(mail));
  }
  // How many messages of the mailbox are in the index.
  std::size_t indexed(const std::string& name, const std::string& folder = "INBOX") const {
    auto mail = store(name);
    auto mailbox = mail->open(*mail->parse_name(folder), Access::ReadOnly);
    auto reader = WordReader::open(directory(name));
    if (!mailbox || !reader || !*reader || !(*reader)->choose(word_folder(**mailbox))) return 0;
    return (*reader)->entries().size();
  }
  WordFollower::Process process() {
    WordFollower::Process made;
    made.can_spare_thread = [this] { return has_thread; };
    made.is_delivering = [] { return true; };
    made.is_leaving = [this] { return is_leaving; };
    made.stay = [this] { return busy; };
    return made;
  }
  WordFollower follower(Duration quiet, Duration longest) {
    return WordFollower(loop, process(), {quiet, longest, Duration(20)});
  }
  // Lets time go by until then; false if it takes too long.
  bool waits_for(const std::function<bool()>& is_done) {
    auto wait = [](Loop& its_loop, const std::function<bool()>& done, bool& seen) -> Task<> {
      for (int i = 0; i < 1000 && !seen; ++i) {
        co_await its_loop.sleep(Duration(10));
        seen = done();
      }
    };
    bool seen = false;
    loop.run_until(wait(loop, is_done, seen));
    return seen;
  }
  void let_pass(Duration time) {
    auto wait = [](Loop& its_loop, Duration its_time) -> Task<> {
      co_await its_loop.sleep(its_time);
    };
    loop.run_until(wait(loop, time));
  }

  Scratch scratch;
  Loop loop;
  std::shared_ptr<const Config> config = config_for_test({"myhostname=mail.example.com"});
  bool has_thread = true;
  bool is_leaving = false;
  std::shared_ptr<int> busy = std::make_shared<int>(0);
  int delivered = 0;
};

}  // namespace

TEST_CASE("delivered mail is in the index soon after the last of it has come, and stays new") {
  Host host;
  host.make_index("ann");
  auto follower = host.follower(Duration(50), never);
  CHECK(follower.is_idle());
  host.deliver(follower, "ann");
  host.deliver(follower, "ann");
  host.deliver(follower, "ann", "Lists");
  CHECK(follower.waiting() == 1);
  CHECK(host.waits_for([&] { return follower.is_idle(); }));
  CHECK(host.indexed("ann") == 2);
  CHECK(host.indexed("ann", "Lists") == 1);
  CHECK(host.busy.use_count() == 1);
  std::filesystem::directory_iterator in_new(host.scratch / "ann/new");
  CHECK(std::distance(begin(in_new), end(in_new)) == 2);
  auto mailbox = *host.store("ann")->open(MailboxName::inbox(), Access::ReadWrite);
  for (const auto& message : mailbox->messages()) CHECK(mailbox->is_recent(message.uid));
  host.deliver(follower, "ann");
  CHECK(host.waits_for([&] { return host.indexed("ann") == 3; }));
}

TEST_CASE("mail that comes without a pause is in the index all the same") {
  Host host;
  host.make_index("ann");
  auto follower = host.follower(never, Duration(300));
  CHECK(host.waits_for([&] {
    if (host.delivered < 500) host.deliver(follower, "ann");
    return host.indexed("ann") > 0;
  }));
  CHECK(host.delivered < 500);
}

TEST_CASE("only a Maildir that has an index is followed, and only where the settings say so") {
  Host host;
  auto mail = [&](const std::string& setting) {
    return mail_to_follow(config_for_test({setting}), host.account("ann"), {"INBOX"});
  };
  CHECK_FALSE(mail("imap_fts=yes"));
  host.make_index("ann");
  CHECK(mail("imap_fts=yes"));
  CHECK_FALSE(mail("imap_fts=no"));
  CHECK_FALSE(mail("fts_autoindex=no"));
  CHECK_FALSE(mail_to_follow(host.config, host.account("ann"), {}));
  auto account = host.account("bob");
  account.mail_location = "mbox:" + host.scratch / "bob";
  auto directory = words_directory(*MailLocation::parse(account.mail_location, {}));
  REQUIRE(WordWriter::open(directory));
  REQUIRE(has_words(directory));
  CHECK_FALSE(mail_to_follow(host.config, account, {"INBOX"}));
}

TEST_CASE("so many accounts and mailboxes wait, and no more") {
  Host host;
  auto follower = host.follower(never, never);
  std::vector<std::string> folders;
  for (std::size_t i = 0; i < mailboxes_waiting_max + 5; ++i) {
    folders.push_back("f" + std::to_string(i));
  }
  for (std::size_t i = 0; i < accounts_waiting_max + 5; ++i) {
    auto name = "user" + std::to_string(i);
    follower.note({host.config, host.account(name), host.location(name), folders});
  }
  CHECK(follower.waiting() == accounts_waiting_max);

  host.make_index("ann");
  auto other = host.follower(Duration(10), never);
  auto idle = [&] { return other.is_idle(); };
  for (const auto& folder : folders) host.deliver(other, "ann", folder);
  CHECK(host.waits_for(idle));
  CHECK(host.indexed("ann", folders[mailboxes_waiting_max - 1]) == 1);
  CHECK(host.indexed("ann", folders[mailboxes_waiting_max]) == 0);
}

TEST_CASE("nothing is put in while deliveries need the threads") {
  Host host;
  host.make_index("ann");
  auto follower = host.follower(Duration(10), never);
  host.has_thread = false;
  host.deliver(follower, "ann");
  host.let_pass(Duration(300));
  CHECK(host.indexed("ann") == 0);
  host.has_thread = true;
  CHECK(host.waits_for([&] { return follower.is_idle(); }));
  CHECK(host.indexed("ann") == 1);
}

TEST_CASE("a process that is to end leaves what waits, and follows again if it lives on") {
  Host host;
  host.make_index("ann");
  auto follower = host.follower(Duration(200), never);
  host.deliver(follower, "ann");
  host.is_leaving = true;
  CHECK(host.waits_for([&] { return follower.is_idle(); }));
  CHECK(follower.waiting() == 0);
  CHECK(host.indexed("ann") == 0);
  host.deliver(follower, "ann");
  CHECK(follower.is_idle());
  host.is_leaving = false;
  host.deliver(follower, "ann");
  CHECK(host.waits_for([&] { return follower.is_idle(); }));
  CHECK(host.indexed("ann") == 3);
}

TEST_CASE("a program that reads an attachment does not hold up the end of the process") {
  Host host;
  LogCapture log;
  host.make_index("ann");
  auto begun = host.scratch / "begun";
  auto program = host.scratch / "decoder";
  std::ofstream(program) << "#!/bin/sh\n: > " << begun << "\nexec sleep 60\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  host.config = config_for_test({"fts_decoder=" + program});
  auto follower = host.follower(Duration(10), never);
  host.deliver(follower, "ann", "INBOX",
               "Subject: map\nContent-Type: application/pdf\n\nnothing that can be read\n");
  CHECK(host.waits_for([&] { return std::filesystem::exists(begun); }));
  host.is_leaving = true;
  CHECK(host.waits_for([&] { return follower.is_idle(); }));
  CHECK(host.indexed("ann") == 0);
  CHECK(log.lines().empty());
}

TEST_CASE(
    "while another program writes an index, other accounts are put in, and it is tried again") {
  Host host;
  LogCapture log;
  host.make_index("ann");
  host.make_index("bob");
  auto imapd = WordWriter::open(host.directory("ann"));
  REQUIRE(imapd);
  auto follower = host.follower(Duration(10), never);
  host.deliver(follower, "ann");
  host.deliver(follower, "bob");
  CHECK(host.waits_for([&] { return host.indexed("bob") == 1; }));
  CHECK_FALSE(follower.is_idle());
  CHECK(host.indexed("ann") == 0);
  imapd->reset();
  CHECK(host.waits_for([&] { return follower.is_idle(); }));
  CHECK(host.indexed("ann") == 1);
  CHECK(log.lines().empty());
}

TEST_CASE("a damaged index is removed, an error is told once, and mail is delivered all the same") {
  Host host;
  LogCapture log;
  host.make_index("ann");
  host.make_index("bob");
  auto follower = host.follower(Duration(10), never);
  auto idle = [&] { return follower.is_idle(); };
  host.deliver(follower, "ann");
  CHECK(host.waits_for(idle));
  REQUIRE(host.indexed("ann") == 1);
  std::filesystem::resize_file(host.directory("ann") + "/iamglass", 20);
  host.deliver(follower, "ann");
  CHECK(host.waits_for(idle));
  CHECK_FALSE(has_words(host.directory("ann")));
  REQUIRE(log.lines().size() == 1);
  CHECK(log.last().find("ann: words of INBOX: ") != std::string::npos);

  // The list of the mailbox's UIDs can't be read.
  std::filesystem::create_directories(host.scratch / "bob/dovecot-uidlist");
  for (int i = 0; i < 3; ++i) {
    host.deliver(follower, "bob");
    CHECK(host.waits_for(idle));
  }
  CHECK(log.lines().size() == 2);
  CHECK(log.last().find("bob: words of INBOX: ") != std::string::npos);
}
