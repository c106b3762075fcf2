// Asks DNS lists about clients, names and domains, and answers what they list.
//
// STANDARDS  RFC 5782 (DNS block lists), Postfix's reject_rbl_client and permit_dnswl_client

#include <algorithm>

#include "common/base/template.h"
#include "common/base/text.h"
#include "common/net/address.h"
#include "common/net/address_pattern.h"
#include "smtpd/policy/dnsbl_score.h"
#include "smtpd/policy/evaluation.h"

namespace pennypost::smtp {

/// RFC 5782 section 2: the name under the zone exists when the subject is listed. A list that does
/// not answer lists nobody.
Evaluation::Listed Evaluation::listed(std::string_view name, std::string_view list) {
  auto equals = list.find('=');
  std::string zone(list.substr(0, equals));
  auto addresses = tables_.ip4_addresses(std::string(name) + "." + zone);
  if (!addresses) return Listed::Unknown;
  if (equals == list.npos) return addresses->empty() ? Listed::No : Listed::Yes;
  auto pattern = AddressPattern::parse(list.substr(equals + 1));
  bool is_listed = pattern && std::ranges::any_of(*addresses, [&](const std::string& address) {
                     return pattern->matches(address);
                   });
  return is_listed ? Listed::Yes : Listed::No;
}

/// Empty where the client has no address.
std::string Evaluation::reversed_address() const {
  auto address = IpAddress::parse(request_.client_address);
  if (!address) return "";
  return name_in_lists(*address);
}

/// Refuses in the words of rbl_reply_maps or default_rbl_reply where `list` holds `name`.
Answer Evaluation::block_list(Subject subject, std::string_view name, const std::string& shown,
                              const std::string& list) {
  if (name.empty() || listed(name, list) != Listed::Yes) return Answer::Undecided;
  std::string zone = list.substr(0, list.find('='));
  std::string words = settings_.default_rbl_reply;
  for (const TableRef& table : settings_.rbl_reply_maps) {
    auto found = tables_.find(table, list, store::MapList::Key::Whole);
    if (!found) return look_up_failed(subject);
    if (!*found) continue;
    words = **found;
    break;
  }
  auto reason = tables_.text_record(std::string(name) + "." + zone);
  auto value = [&](std::string_view asked) -> std::string {
    if (asked == "rbl_code") return std::to_string(settings_.maps_rbl_reject_code);
    if (asked == "rbl_class") return std::string(words_of(subject).kind);
    if (asked == "rbl_what") return shown;
    if (asked == "rbl_domain") return zone;
    if (asked == "rbl_reason" || asked == "rbl_txt") return reason ? *reason : "";
    if (asked == "client") return words_of(Subject::Client).name;
    if (asked == "client_address") return request_.client_address;
    if (asked == "client_name") return request_.client_name;
    if (asked == "reverse_client_name") return request_.reverse_name;
    if (asked == "helo_name") return request_.helo;
    if (asked == "sender") return request_.sender;
    if (asked == "recipient") return request_.recipient;
    return "";
  };
  auto action = parse_access_action(fill_in(words, value));
  if (action.code == 0) return misconfigured("no reply with a code for " + list + ": " + words);
  return refuse(action.code, action.status.empty() ? "5.7.1" : action.status, action.text);
}

Answer Evaluation::reject_rbl_client(const Restriction& restriction) {
  return block_list(Subject::Client, reversed_address(), request_.client_address,
                    restriction.argument);
}

Answer Evaluation::reject_rhsbl_client(const Restriction& restriction) {
  if (request_.client_name == "unknown") return Answer::Undecided;
  return block_list(Subject::Client, request_.client_name, request_.client_name,
                    restriction.argument);
}

Answer Evaluation::reject_rhsbl_reverse_client(const Restriction& restriction) {
  if (request_.reverse_name == "unknown") return Answer::Undecided;
  return block_list(Subject::ReverseClient, request_.reverse_name, request_.reverse_name,
                    restriction.argument);
}

Answer Evaluation::reject_rhsbl_helo(const Restriction& restriction) {
  auto name = Domain::parse(request_.helo);
  if (!name || name->is_literal()) return Answer::Undecided;
  return block_list(Subject::Helo, name->key(), request_.helo, restriction.argument);
}

Answer Evaluation::reject_rhsbl_sender(const Restriction& restriction) {
  std::string domain = domain_of(request_.sender);
  if (domain.starts_with('[')) return Answer::Undecided;
  return block_list(Subject::Sender, domain, request_.sender, restriction.argument);
}

Answer Evaluation::reject_rhsbl_recipient(const Restriction& restriction) {
  std::string domain = domain_of(request_.recipient);
  if (domain.starts_with('[')) return Answer::Undecided;
  return block_list(Subject::Recipient, domain, request_.recipient, restriction.argument);
}

// Lists of the good.

/// While a list of good clients does not answer, none of its clients is refused for good.
Answer Evaluation::good_list(std::string_view name, const std::string& list) {
  if (name.empty()) return Answer::Undecided;
  Listed answer = listed(name, list);
  if (answer == Listed::Unknown && defer_if_reject_.code == 0) {
    defer_if_reject_ = {450, "4.7.1", about(Subject::Client) + "Service unavailable"};
  }
  return answer == Listed::Yes ? Answer::Permit : Answer::Undecided;
}

Answer Evaluation::permit_dnswl_client(const Restriction& restriction) {
  return good_list(reversed_address(), restriction.argument);
}

Answer Evaluation::permit_rhswl_client(const Restriction& restriction) {
  if (request_.client_name == "unknown") return Answer::Undecided;
  return good_list(request_.client_name, restriction.argument);
}

}  // namespace pennypost::smtp
