#include "imapd/session/kept_fields.h"

#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

TEST_CASE("the fields that searches and orders ask for are kept, unless they are very large") {
  TestAccount account;
  account.deliver("Subject: a\n\nx\n");
  auto store = account.open();
  auto mailbox = store->open(store::MailboxName::inbox(), store::Access::ReadOnly);
  REQUIRE(mailbox);
  const store::Uid uid(1);
  const auto keep = [&](const std::string& header, const std::vector<std::string>& names = {}) {
    auto before = KeptFields::find(**mailbox, uid);
    KeptFields::keep(**mailbox, uid, header, names, before ? &*before : nullptr);
    auto kept = KeptFields::find(**mailbox, uid);
    return kept ? kept->header() : "none";
  };
  const std::string large(KeptFields::octets_max, 'x');
  CHECK(keep("To: " + large + "\r\n\r\n") == "none");
  CHECK(keep("X: y\r\nTo: z\r\n\r\n") == "To: z\r\n\r\n");
  // What others have asked for stays, also where more would be too much.
  CHECK(keep("X: y\r\nTo: z\r\n\r\n", {"x"}) == "X: y\r\nTo: z\r\n\r\n");
  CHECK(keep("X: y\r\nY: " + large + "\r\nTo: z\r\n\r\n", {"y"}) == "X: y\r\nTo: z\r\n\r\n");
  CHECK(KeptFields::find(**mailbox, uid)->has(std::vector<std::string>{"X", "To", "no name"}));
  CHECK_FALSE(KeptFields::find(**mailbox, uid)->has(std::vector<std::string>{"Y"}));
  // Of a header that was cut off, nobody knows what it has.
  CHECK(keep("X: 1\r\n" + std::string(header_octets_max, 'x'), {"z"}) == "X: y\r\nTo: z\r\n\r\n");
}
