#include <doctest/doctest.h>

#include "smtpd/policy/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

VerifyAddress::Verified verified(AddressState state, std::string reason) {
  VerifyAddress::Verified answer;
  answer.state = state;
  answer.reason = std::move(reason);
  return answer;
}

FakeTables some_addresses() {
  FakeTables tables;
  tables.addresses_verified["good@sender.example"] = verified(AddressState::Deliverable, "250 ok");
  tables.addresses_verified["bad@sender.example"] =
      verified(AddressState::Undeliverable, "host mx said: 550 no such user");
  tables.addresses_verified["late@sender.example"] =
      verified(AddressState::Unknown, "Address verification in progress");
  tables.addresses_verified["user@relayed.example"] =
      verified(AddressState::Undeliverable, "host mx said: 550 5.1.1 unknown");
  return tables;
}

std::vector<std::string> by_sender(std::vector<std::string> more = {}) {
  more.emplace_back("smtpd_sender_restrictions=reject_unverified_sender");
  return more;
}

}  // namespace

TEST_CASE("senders are refused by what the host of their domain says of them") {
  auto tables = some_addresses();
  auto told = [&](const std::string& sender, std::vector<std::string> more = {}) {
    return answer(stranger("bob@example.com", sender), tables, by_sender(std::move(more)));
  };
  CHECK(told("good@sender.example") == "250 2.1.5 Ok");
  CHECK(told("") == "250 2.1.5 Ok");
  CHECK(told("bad@sender.example") ==
        "450 4.1.7 <bad@sender.example>: Sender address rejected: unverified address: host mx "
        "said: 550 no such user");
  CHECK(told("bad@sender.example", {"unverified_sender_reject_code=550"}) ==
        "550 5.1.7 <bad@sender.example>: Sender address rejected: undeliverable address: host mx "
        "said: 550 no such user");
  CHECK(told("bad@sender.example", {"unverified_sender_reject_reason=bad sender"}) ==
        "450 4.1.7 <bad@sender.example>: Sender address rejected: unverified address: bad sender");
}

TEST_CASE("an address that can't be verified now is never refused for good") {
  auto tables = some_addresses();
  auto told = [&](const std::string& sender, std::vector<std::string> more = {}) {
    more.emplace_back("unverified_sender_reject_code=550");
    return answer(stranger("bob@example.com", sender), tables, by_sender(std::move(more)));
  };
  CHECK(told("late@sender.example") ==
        "450 4.1.7 <late@sender.example>: Sender address rejected: unverified address: Address "
        "verification in progress");
  CHECK(told("unasked@sender.example") ==
        "450 4.1.7 <unasked@sender.example>: Sender address rejected: address verification "
        "problem");
  CHECK(told("late@sender.example", {"unverified_sender_defer_code=451"}).starts_with("451"));
  // With defer_if_permit what is refused anyway keeps its reason, with defer it does not.
  CHECK(answer(stranger("user@foreign.example", "late@sender.example"), tables, by_sender()) ==
        "554 5.7.1 <user@foreign.example>: Relay access denied");
  CHECK(answer(stranger("user@foreign.example", "late@sender.example"), tables,
               by_sender({"unverified_sender_tempfail_action=defer"}))
            .starts_with("450 4.1.7"));
}

TEST_CASE("recipients are refused by what the host behind this one says of them") {
  auto tables = some_addresses();
  std::vector<std::string> settings{"smtpd_relay_restrictions=permit_auth_destination, reject",
                                    "smtpd_recipient_restrictions=reject_unverified_recipient"};
  CHECK(answer(stranger("user@relayed.example"), tables, settings) ==
        "450 4.1.1 <user@relayed.example>: Recipient address rejected: unverified address: "
        "host mx said: 550 5.1.1 unknown");
  settings.emplace_back("unverified_recipient_reject_code=550");
  CHECK(answer(stranger("user@relayed.example"), tables, settings).starts_with("550 5.1.1 "));
}

TEST_CASE("the questions of two hosts that verify each other come to an end") {
  auto tables = some_addresses();
  auto settings = by_sender({"myorigin=example.com"});
  auto told = answer(stranger("double-bounce@example.com", "bad@sender.example"), tables, settings);
  CHECK(told.find("unverified") == std::string::npos);
  answer(stranger("bob@example.com", "Double-Bounce@example.com"), tables, settings);
  CHECK(tables.asked_to_verify.empty());
}
