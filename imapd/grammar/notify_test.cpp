#include "imapd/grammar/notify.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;

namespace {
const Limits limits;
using Kind = MailboxFilter::Kind;
}  // namespace

TEST_CASE("NOTIFY names events for mailboxes") {
  auto none = parse_notify(" none", limits);
  REQUIRE(none.has_value());
  CHECK_FALSE(none->is_set);
  auto set = parse_notify(
      " SET status (selected MessageNew (uid body.peek[header.fields (from to)]) MessageExpunge)"
      " (subtree (Lists \"a b\") (MailboxName SubscriptionChange)) (personal NONE)"
      " (mailboxes inbox (MessageNew MessageExpunge FlagChange MailboxMetadataChange))",
      limits);
  REQUIRE(set.has_value());
  CHECK(set->is_set);
  CHECK(set->with_status);
  REQUIRE(set->groups.size() == 4);
  CHECK(set->groups[0].filter.kind == Kind::Selected);
  CHECK(set->groups[0].new_items.size() == 2);
  CHECK(set->groups[1].filter.mailboxes == std::vector<std::string>{"Lists", "a b"});
  CHECK(set->groups[1].mailbox_name);
  CHECK_FALSE(set->groups[1].message_new);
  CHECK_FALSE(set->groups[2].mailbox_name);
  CHECK(set->groups[3].filter.mailboxes == std::vector<std::string>{"INBOX"});
  CHECK(set->groups[3].flag_change);
  CHECK_FALSE(set->names_unknown_event);
  auto unknown = parse_notify(" SET (personal (AnnotationChange MailboxName))", limits);
  REQUIRE(unknown.has_value());
  CHECK(unknown->names_unknown_event);
}

TEST_CASE("NOTIFY refuses events that do not go together") {
  for (const char* text : {
           "",
           " NONE x",
           " SET",
           " SET STATUS",
           " SET personal (MailboxName)",
           " SET (personal)",
           " SET (personal ())",
           " SET (personal (MessageNew))",
           " SET (personal (MessageExpunge))",
           " SET (personal (FlagChange))",
           " SET (personal (MessageNew (UID) MessageExpunge))",
           " SET (selected (MailboxName))",
           " SET (selected (MessageNew () MessageExpunge))",
           " SET (selected NONE) (selected-delayed NONE)",
           " SET (subtree-one a (MailboxName))",
           " SET (subtree () (MailboxName))",
           " SET (nowhere (MailboxName))",
           " SET (personal (MailboxName)",
       }) {
    CAPTURE(text);
    CHECK_FALSE(parse_notify(text, limits).has_value());
  }
}

TEST_CASE("NOTIFY takes at most notify_groups_max groups") {
  std::string groups;
  for (std::size_t i = 0; i < notify_groups_max; ++i) groups += " (personal (MailboxName))";
  CHECK(parse_notify(" SET" + groups, limits));
  CHECK_FALSE(parse_notify(" SET" + groups + " (personal (MailboxName))", limits));
}
