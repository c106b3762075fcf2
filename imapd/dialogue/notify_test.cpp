// NOTIFY: what a client is told while it asks nothing.
#include "common/log/sink.h"
#include "imapd/command/notifier.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

const std::string message = "Subject: news\n\nhello\n";

store::MailboxName name_of(const char* text) { return *store::MailboxName::parse(text, '.'); }

Task<> pause(Loop& loop, Duration time) { co_await loop.sleep(time); }

void deliver_into(const TestAccount& account, const char* name) {
  auto made = account.open();
  store::NewMessage added;
  added.body.emplace_back(std::string_view(message));
  REQUIRE(made->append(name_of(name), std::span(&added, 1)).has_value());
}

}  // namespace

TEST_CASE("a client hears of new messages in the selected mailbox, with the items that it wants") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("SELECT INBOX");
  CHECK(client.command("NOTIFY SET (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) "
                       "MessageExpunge))") == "OK Notify completed.\r\n");
  account.deliver(message);
  auto news = client.send("", "Subject:");
  CHECK(has(news, "* 1 EXISTS\r\n"));
  CHECK(has(news, "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {"));
  client.send("", ")");
  {
    auto other = account.open()->open(store::MailboxName::inbox(), store::Access::ReadWrite);
    REQUIRE(other.has_value());
    std::vector<store::Uid> uids{store::Uid(1)};
    REQUIRE((*other)->expunge(uids).has_value());
  }
  CHECK(has(client.send("", "* 0 RECENT"), "* 1 EXPUNGE"));
  CHECK(client.command("NOOP") == "OK NOOP completed.\r\n");
  client.command("NOTIFY SET (selected (MessageNew (RFC822.SIZE) MessageExpunge))");
  account.deliver(message);
  CHECK(has(client.send("", "* 1 FETCH"), "* 1 FETCH (UID 2 RFC822.SIZE "));
}

TEST_CASE("what a client has not asked for it is not told with its commands either") {
  LogCapture log;
  TestAccount account;
  account.deliver(message);
  Client client(account);
  client.command("SELECT INBOX");
  account.deliver(message);
  // What has come before the command is told in any case.
  CHECK(has(client.command("NOTIFY SET (personal (MailboxName))"), "* 2 EXISTS\r\n"));
  account.deliver(message);
  CHECK(client.command("NOOP") == "OK NOOP completed.\r\n");
  CHECK(client.command("FETCH 1:* UID") ==
        "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\nOK Fetch completed.\r\n");
  auto told = client.command("NOTIFY SET (selected (MessageNew MessageExpunge))");
  CHECK(has(told, "* 3 EXISTS\r\n"));
  // But what the client itself does.
  client.command("NOTIFY SET (personal (MailboxName))");
  CHECK(has(client.command("STORE 1 +FLAGS (\\Deleted)"), "* 1 FETCH (FLAGS (\\Deleted"));
  CHECK(has(client.command("EXPUNGE"), "* 1 EXPUNGE\r\n"));
  client.command("NOTIFY SET (selected (MessageNew MessageExpunge))");
  {
    auto other = account.open()->open(store::MailboxName::inbox(), store::Access::ReadWrite);
    REQUIRE(other.has_value());
    store::FlagChange change;
    change.flags = store::Flags(store::Flags::Flagged);
    std::vector<store::Uid> uids{store::Uid(2)};
    REQUIRE((*other)->store(uids, change).has_value());
  }
  CHECK_FALSE(has(client.command("NOOP"), "FETCH"));
  told = client.command("NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))");
  CHECK(has(told, "* 1 FETCH (UID 2 FLAGS (\\Flagged"));
  for (const char* none : {"NOTIFY NONE", "NOTIFY SET (selected NONE)"}) {
    CAPTURE(none);
    CHECK(client.command(none).ends_with("OK Notify completed.\r\n"));
    account.deliver(message);
    CHECK(client.command("NOOP") == "OK NOOP completed.\r\n");
  }
}

TEST_CASE("SELECTED-DELAYED keeps an expunge for the next command") {
  LogCapture log;
  TestAccount account;
  account.deliver(message);
  Client client(account);
  client.command("NOTIFY SET (selected-delayed (MessageNew MessageExpunge))");
  client.command("SELECT INBOX");
  {
    auto other = account.open()->open(store::MailboxName::inbox(), store::Access::ReadWrite);
    REQUIRE(other.has_value());
    std::vector<store::Uid> uids{store::Uid(1)};
    REQUIRE((*other)->expunge(uids).has_value());
  }
  account.deliver(message);
  CHECK_FALSE(has(client.send("", "* 2 EXISTS"), "EXPUNGE"));
  CHECK(has(client.command("NOOP"), "* 1 EXPUNGE\r\n"));
}

TEST_CASE("of other mailboxes a client hears by STATUS, at first and at each change") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("CREATE Lists");
  client.command("CREATE Lists.a");
  client.command("CREATE Other");
  auto first = client.command("NOTIFY SET STATUS (subtree Lists (MessageNew MessageExpunge))");
  CHECK(has(first, "* STATUS Lists (MESSAGES 0 UIDNEXT 1 UIDVALIDITY "));
  CHECK(has(first, "* STATUS Lists.a (MESSAGES 0 "));
  CHECK_FALSE(has(first, "Other"));
  // RFC 5465 section 3.1: the mod-sequence where flags are asked for.
  CHECK_FALSE(has(first, "HIGHESTMODSEQ"));
  CHECK(has(client.command("NOTIFY SET STATUS (mailboxes Other (MessageNew MessageExpunge "
                           "FlagChange))"),
            " HIGHESTMODSEQ "));
  client.command("NOTIFY SET (subtree Lists (MessageNew MessageExpunge))");
  deliver_into(account, "Other");
  deliver_into(account, "Lists.a");
  auto news = client.send("", "* STATUS");
  CHECK(has(news, "* STATUS Lists.a (MESSAGES 1 UIDNEXT 2 "));
  // The selected mailbox is no other mailbox.
  client.command("SELECT Lists.a");
  deliver_into(account, "Lists.a");
  deliver_into(account, "Lists");
  CHECK(has(client.send("", "* STATUS"), "* STATUS Lists (MESSAGES 1 "));
  // Flags of another mailbox are news to who asks for them, and mod-sequences to who knows them.
  client.command("NOTIFY SET (mailboxes Other (MessageNew MessageExpunge FlagChange))");
  client.command("ENABLE CONDSTORE");
  {
    auto other = account.open()->open(name_of("Other"), store::Access::ReadWrite);
    REQUIRE(other.has_value());
    store::FlagChange change;
    change.flags = store::Flags(store::Flags::Seen);
    std::vector<store::Uid> uids{store::Uid(1)};
    REQUIRE((*other)->store(uids, change).has_value());
  }
  auto changed = client.send("", "* STATUS");
  CHECK(has(changed, "* STATUS Other (MESSAGES 1 "));
  CHECK(has(changed, " UNSEEN 0 HIGHESTMODSEQ "));
}

TEST_CASE("a client hears of names and subscriptions that others change, not of its own") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("CREATE Parent");
  client.command("NOTIFY SET (personal (MailboxName SubscriptionChange))");
  auto store = account.open();
  REQUIRE(store->create(name_of("Parent.Child")).has_value());
  auto made = client.send("", "* LIST (\\HasNoChildren) \".\" Parent.Child");
  CHECK(has(made, "* LIST (\\HasChildren) \".\" Parent\r\n"));
  REQUIRE(store->subscribe(name_of("Parent.Child")).has_value());
  CHECK(has(client.send("", "* LIST"),
            "* LIST (\\HasNoChildren \\Subscribed) \".\" Parent.Child\r\n"));
  CHECK(client.command("CREATE Mine").starts_with("OK "));
  CHECK(client.command("CREATE Mine.Below").starts_with("OK "));
  REQUIRE(store->remove(name_of("Parent.Child")).has_value());
  auto removed = client.send("", "* LIST (\\NonExistent");
  CHECK(has(removed, "Parent.Child"));
  CHECK_FALSE(has(removed, "Mine"));
}

TEST_CASE("a client hears the old name of a mailbox that another session renames") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("CREATE Old");
  std::string more;
  SUBCASE("to a name of which nobody knows") {}
  SUBCASE("to one that the client is subscribed to") {
    client.command("SUBSCRIBE New");
    more = " \\Subscribed";
  }
  client.command("NOTIFY SET (personal (MailboxName))");
  // Told before it shows on disk, and when it is over.
  auto shared = client.accounts().open("ann");
  AccountNews news;
  news.name = "New";
  news.old_name = "Old";
  shared->board.tell(news);
  REQUIRE(account.open()->create(name_of("Another")).has_value());
  CHECK(has(client.send("", "* LIST"), "Another"));
  REQUIRE(account.open()->rename(name_of("Old"), name_of("New")).has_value());
  CHECK(client.send("", "* LIST") ==
        "* LIST (\\HasNoChildren" + more + ") \".\" New (\"OLDNAME\" (Old))\r\n");
  news.old_name = "";
  shared->board.tell(news);
  CHECK(client.command("NOOP") == "OK NOOP completed.\r\n");
}

TEST_CASE("a client hears which annotations have changed, whoever did it but itself") {
  LogCapture log;
  auto format = TestAccount::Format::Maildir;
  SUBCASE("in Maildirs") {}
  SUBCASE("in mboxes") { format = TestAccount::Format::Mbox; }
  TestAccount account(format);
  Client client(account);
  client.command("CREATE Box");
  client.command("CREATE Other");
  client.command("SETMETADATA Box (/shared/comment \"before\")");
  client.command(
      "NOTIFY SET (mailboxes Box (MailboxMetadataChange)) "
      "(personal (ServerMetadataChange))");
  const auto change = [&](std::optional<store::MailboxName> name,
                          const store::AnnotationChanges& changes) {
    auto file = account.open()->annotations(name);
    REQUIRE(file.has_value());
    REQUIRE(file->change(changes, 10).has_value());
  };
  // Nobody has asked for those of this one.
  change(name_of("Other"), {{"/shared/comment", "a"}});
  change(name_of("Box"), {{"/shared/comment", "a"}, {"/private/x", "b"}});
  CHECK(client.send("", "* METADATA") == "* METADATA Box /private/x /shared/comment\r\n");
  change(name_of("Box"), {{"/shared/comment", std::nullopt}});
  CHECK(client.send("", "* METADATA") == "* METADATA Box /shared/comment\r\n");
  change(std::nullopt, {{"/shared/comment", "a"}});
  CHECK(client.send("", "* METADATA") == "* METADATA \"\" /shared/comment\r\n");
  // Its own it knows, but not what others make of them.
  CHECK(client.command("SETMETADATA Box (/shared/comment \"own\" /private/x NIL)") ==
        "OK Setmetadata completed.\r\n");
  change(name_of("Box"), {{"/private/y", "c"}});
  CHECK(client.send("", "* METADATA") == "* METADATA Box /private/y\r\n");
  change(name_of("Box"), {{"/shared/comment", "not own"}});
  CHECK(client.send("", "* METADATA") == "* METADATA Box /shared/comment\r\n");
}

TEST_CASE("a client hears of the annotations of what can't be selected") {
  LogCapture log;
  TestAccount account(TestAccount::Format::Mbox);
  Client client(account);
  client.command("CREATE Above/Box");
  CHECK(has(client.command("LIST \"\" Above"), "\\Noselect"));
  client.command("NOTIFY SET (mailboxes Above (MailboxMetadataChange MessageNew MessageExpunge))");
  auto file = account.open()->annotations(*store::MailboxName::parse("Above", '/'));
  REQUIRE(file.has_value());
  REQUIRE(file->change({{"/private/x", "a"}}, 10).has_value());
  CHECK(client.send("", "* METADATA") == "* METADATA Above /private/x\r\n");
}

TEST_CASE("annotations are told of no mailbox that is not asked for any more") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  for (const char* name : {"Box", "Other"}) {
    client.command(std::string("CREATE ") + name);
    client.command(std::string("SUBSCRIBE ") + name);
  }
  client.command("NOTIFY SET (subscribed (SubscriptionChange MailboxMetadataChange))");
  auto store = account.open();
  REQUIRE(store->unsubscribe(name_of("Box")).has_value());
  CHECK(has(client.send("", "* LIST"), "Box"));
  for (const char* name : {"Box", "Other"}) {
    auto file = store->annotations(name_of(name));
    REQUIRE(file.has_value());
    REQUIRE(file->change({{"/shared/comment", "a"}}, 10).has_value());
  }
  CHECK(client.send("", "* METADATA") == "* METADATA Other /shared/comment\r\n");
}

TEST_CASE("what is known of annotations stays known when the mailbox is renamed") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("CREATE Old");
  client.command("CREATE Old.Below");
  client.command("SETMETADATA Old.Below (/shared/comment \"a\" /shared/x \"b\")");
  client.command("NOTIFY SET (personal (MailboxName MailboxMetadataChange))");
  auto shared = client.accounts().open("ann");
  AccountNews news;
  news.name = "New";
  news.old_name = "Old";
  shared->board.tell(news);
  auto store = account.open();
  REQUIRE(store->rename(name_of("Old"), name_of("New")).has_value());
  REQUIRE(
      store->annotations(name_of("New.Below"))->change({{"/shared/comment", "c"}}, 10).has_value());
  CHECK(client.send("", "* METADATA") ==
        "* LIST (\\HasChildren) \".\" New (\"OLDNAME\" (Old))\r\n"
        "* METADATA New.Below /shared/comment\r\n");
}

TEST_CASE("IDLE tells what NOTIFY asks for, and nothing after NOTIFY NONE") {
  LogCapture log;
  TestAccount account;
  Client client(account, {"imap_idle_notify_interval=1s"});
  client.command("SELECT INBOX");
  client.command("NOTIFY NONE");
  client.send("i IDLE\r\n", "+");
  account.deliver(message);
  CHECK(client.send("", "*") == "* OK Still here\r\n");
  CHECK(client.send("DONE\r\n", "i ") == "i OK Idle completed.\r\n");
  client.command("NOTIFY SET (selected (MessageNew MessageExpunge))");
  client.send("j IDLE\r\n", "+");
  account.deliver(message);
  CHECK(has(client.send("", "* 2 RECENT"), "* 2 EXISTS\r\n"));
  CHECK(has(client.send("DONE\r\n", "j "), "j OK "));
}

TEST_CASE("NOTIFY refuses unknown events, too many mailboxes, and what is no request") {
  LogCapture log;
  TestAccount account;
  Client client(account, {"imap_notify_mailboxes_max=2"});
  client.command("CREATE a");
  client.command("CREATE b");
  CHECK(client.command("NOTIFY SET (personal (AnnotationChange))")
            .starts_with("NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName "));
  CHECK(client.command("NOTIFY SET (personal (MessageNew MessageExpunge))")
            .starts_with("NO [NOTIFICATIONOVERFLOW] "));
  CHECK(client.command("NOTIFY SET (mailboxes (a b nowhere) (MessageNew MessageExpunge))") ==
        "OK Notify completed.\r\n");
  CHECK(client.command("NOTIFY SET (personal (MessageNew))").starts_with("BAD "));
  CHECK(client.command("NOTIFY").starts_with("BAD "));
  // Those that come later may be too many as well.
  client.command("NOTIFY SET (subtree a (MessageNew MessageExpunge))");
  REQUIRE(account.open()->create(name_of("a.x")).has_value());
  REQUIRE(account.open()->create(name_of("a.y")).has_value());
  CHECK(has(client.send("", "* OK"), "* OK [NOTIFICATIONOVERFLOW] "));
}

TEST_CASE("news of a mailbox that another program has locked for long come when it is free") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("CREATE Lists");
  client.command("NOTIFY SET (subtree Lists (MessageNew MessageExpunge))");
  auto folder = account.root() + "/Maildir/.Lists/";
  std::ofstream(folder + "dovecot-uidlist.lock").put('x');
  std::ofstream(folder + "new/1700000000.M1.elsewhere") << message;
  client.loop().run_until(pause(client.loop(), Duration(800)));
  CHECK(client.command("NOOP") == "OK NOOP completed.\r\n");
  std::filesystem::remove(folder + "dovecot-uidlist.lock");
  CHECK(has(client.send("", "* STATUS"), "* STATUS Lists (MESSAGES 1 UIDNEXT 2 "));
}

TEST_CASE("of messages that the client itself has made it hears no more than their number") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("CREATE Other");
  client.command("SELECT INBOX");
  client.command(
      "NOTIFY SET (selected (MessageNew (UID) MessageExpunge)) "
      "(mailboxes Other (MessageNew MessageExpunge))");
  auto own = append(client, "INBOX", message);
  CHECK(has(own, "* 1 EXISTS\r\n"));
  CHECK_FALSE(has(own, "(UID 1)"));
  append(client, "Other", message);
  CHECK(has(client.command("COPY 1 Other"), "OK [COPYUID "));
  deliver_into(account, "Other");
  CHECK(has(client.send("", "* STATUS"), "* STATUS Other (MESSAGES 3 UIDNEXT 4 "));
  account.deliver(message);
  CHECK(has(client.send("", "* 2 FETCH"), "* 2 FETCH (UID 2)\r\n"));
}

TEST_CASE("more renames than are kept for a client end its notifications, and it is told so") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("NOTIFY SET (personal (MailboxName))");
  AccountNews news;
  news.name = "New";
  news.old_name = "Old";
  auto shared = client.accounts().open("ann");
  for (std::size_t i = 0; i <= Notifier::news_max; ++i) shared->board.tell(news);
  CHECK(has(client.send("", "* OK"), "* OK [NOTIFICATIONOVERFLOW] "));
}

TEST_CASE("a mailbox that was selected is watched again once it is not") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("CREATE Lists");
  client.command("CREATE Lists.a");
  client.command("NOTIFY SET (subtree Lists (MessageNew MessageExpunge))");
  client.command("SELECT Lists.a");
  deliver_into(account, "Lists.a");
  deliver_into(account, "Lists");
  client.send("", "* STATUS Lists (MESSAGES 1 ");
  client.command("UNSELECT");
  deliver_into(account, "Lists");
  client.send("", "* STATUS Lists (MESSAGES 2 ");
  deliver_into(account, "Lists.a");
  CHECK(has(client.send("", "* STATUS"), "* STATUS Lists.a (MESSAGES 2 "));
}
