#include "imapd/session/selected.h"

#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;
using store::Uid;

TEST_CASE("of a message that EXISTS has not announced yet, neither flags nor the end are told") {
  TestAccount account;
  account.deliver("Subject: a\n\nx\n");
  auto store = account.open();
  auto mailbox = store->open(store::MailboxName::inbox(), store::Access::ReadWrite);
  REQUIRE(mailbox);
  Selected selected(*std::move(mailbox));
  for (int i = 0; i < 2; ++i) account.deliver("Subject: b\n\nx\n");
  auto synced = selected.mailbox().sync();
  REQUIRE(synced);
  selected.note(*synced);
  store::Changes changes;
  changes.flags = {Uid(1), Uid(2)};
  changes.expunged = {Uid(3)};
  selected.note(changes);
  auto told = selected.tell(true, false);
  CHECK(told == "* 1 FETCH (FLAGS (\\Recent))\r\n* 2 EXISTS\r\n* 2 RECENT\r\n");
}
