#include "imapd/session/kept_orders.h"

#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

std::shared_ptr<KeptOrders::Kept> order_of(std::size_t messages) {
  auto kept = std::make_shared<KeptOrders::Kept>();
  for (std::uint32_t uid = 1; uid <= messages; ++uid) kept->uids.emplace_back(uid);
  return kept;
}

}  // namespace

TEST_CASE("orders are kept by mailbox and by what was asked; the least used makes room") {
  TestAccount account;
  auto store = account.open();
  auto mailbox = store->open(store::MailboxName::inbox(), store::Access::ReadOnly);
  REQUIRE(mailbox.has_value());
  KeptOrders orders;
  CHECK(orders.find(**mailbox, "0") == nullptr);
  for (std::size_t i = 0; i < kept_orders_max; ++i) {
    orders.keep(**mailbox, std::to_string(i), order_of(i));
  }
  REQUIRE(orders.find(**mailbox, "0") != nullptr);
  orders.keep(**mailbox, "another", order_of(7));
  CHECK(orders.find(**mailbox, "0") != nullptr);
  CHECK(orders.find(**mailbox, "1") == nullptr);
  orders.keep(**mailbox, "another", order_of(8));
  CHECK(orders.find(**mailbox, "another")->uids.size() == 8);
  CHECK(orders.find(**mailbox, "2") != nullptr);
}

TEST_CASE("orders that are too large are not kept, and large ones make room for each other") {
  TestAccount account;
  auto store = account.open();
  auto mailbox = store->open(store::MailboxName::inbox(), store::Access::ReadOnly);
  REQUIRE(mailbox.has_value());
  KeptOrders orders;
  const auto half = kept_orders_octets_max / 2 / sizeof(store::Uid);
  orders.keep(**mailbox, "a", order_of(half));
  orders.keep(**mailbox, "b", order_of(half));
  CHECK(orders.find(**mailbox, "a") != nullptr);
  orders.keep(**mailbox, "c", order_of(1));
  CHECK(orders.find(**mailbox, "b") == nullptr);
  CHECK(orders.find(**mailbox, "a") != nullptr);
  orders.keep(**mailbox, "a", order_of(half + 1));
  CHECK(orders.find(**mailbox, "a") == nullptr);
}
