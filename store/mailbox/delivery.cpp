#include "store/mailbox/delivery.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/header.h"
#include "store/mailbox/body.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {
namespace {

DeliveryOutcome outcome(DeliveryOutcome::Kind kind, std::string dsn, std::string reason) {
  DeliveryOutcome result;
  result.kind = kind;
  result.dsn = std::move(dsn);
  result.reason = std::move(reason);
  return result;
}

/// 452 with OverQuota: 4.2.2; 552: 5.2.2; 452: 4.3.1; other 4xx: 4.2.0; other 5xx: 5.2.0.
DeliveryOutcome failed_delivery(const Error& error) {
  bool overquota = error.response_code() == ResponseCode::OverQuota;
  bool full = error.code() == 452;
  std::string detail = overquota ? "2.2" : full ? "3.1" : "2.0";
  auto kind = error.is_temporary() ? DeliveryOutcome::Kind::Retry : DeliveryOutcome::Kind::Bounce;
  return outcome(kind, (error.is_temporary() ? "4." : "5.") + detail, error.text());
}

Error too_long_to_resend(std::size_t bytes) {
  return Error::permanent("a message that the filter has changed has " + std::to_string(bytes) +
                          " bytes, and may have " + std::to_string(delivery_resent_bytes_max) +
                          " to be redirected");
}

/// Checks limits, addresses and replies of a choice.
Result<void> check(const DeliveryChoice& choice) {
  auto count = choice.placements.size() + choice.redirects.size() + choice.replies.size();
  if (count > delivery_actions_max) {
    return Error::permanent("the filter asks for " + std::to_string(count) +
                            " actions, and no more than " + std::to_string(delivery_actions_max) +
                            " are carried out");
  }
  for (const auto& address : choice.redirects) {
    TRY_DO(check_redirect(address));
  }
  std::size_t resent = 0;
  for (const auto& reply : choice.replies) {
    TRY_DO(check_reply(reply));
    resent += reply.is_redirect ? reply.text.size() : 0;
  }
  if (resent > delivery_resent_bytes_max) return too_long_to_resend(resent);
  return {};
}

struct Copy {
  MailboxName folder;
  Placement placement;

  bool is_plain_inbox() const {
    return folder.is_inbox() && placement.flags.empty() && placement.keywords.empty();
  }
  /// Adds another placement's flags and keywords.
  void join(const Placement& other) {
    placement.flags = placement.flags | other.flags;
    for (const auto& word : other.keywords) {
      auto& words = placement.keywords;
      if (std::ranges::find(words, word) == words.end()) words.push_back(word);
    }
  }
};

}  // namespace

DeliveryChoice DeliveryChoice::keep() {
  DeliveryChoice choice;
  choice.placements.emplace_back();
  return choice;
}

Result<void> check_redirect(const std::string& address) {
  TRY(auto parsed, MailAddress::parse(address, Utf8::Allowed));
  if (!parsed.domain()) {
    return Error(501, "5.1.3", "\"" + printable(address, 256) + "\" lacks a domain");
  }
  return {};
}

/// RFC 3834 section 5: Auto-Submitted keeps two automatic responders from answering each other.
Result<void> check_reply(const AutomaticReply& reply) {
  TRY_DO(check_redirect(reply.recipient));
  if (reply.is_redirect) {
    bool is_short = reply.text.size() <= delivery_resent_bytes_max;
    return is_short ? Result<void>() : too_long_to_resend(reply.text.size());
  }
  if (reply.text.size() > delivery_reply_bytes_max) {
    return Error::permanent("a reply has " + std::to_string(reply.text.size()) +
                            " bytes, and may have " + std::to_string(delivery_reply_bytes_max));
  }
  if (reply.text.find_first_of(std::string_view("\r\0", 2)) != std::string::npos) {
    return Error::permanent("a reply holds CR or NUL; its lines end in LF");
  }
  bool says_automatic = false;
  for (const auto& field : HeaderFields(reply.text)) {
    if (!is_field_name(field.name)) return Error::permanent("a reply's header has a line amiss");
    says_automatic =
        says_automatic || (field.is("Auto-Submitted") && !equal_nocase(field.value(), "no"));
  }
  if (!says_automatic) return Error::permanent("a reply's header lacks Auto-Submitted");
  return {};
}

std::string delivery_headers(const Delivery& delivery) {
  std::string text = "Return-Path: <" + header_value(delivery.return_path) + ">\n";
  if (!delivery.original_to.empty()) {
    text += "X-Original-To: " + header_value(delivery.original_to) + "\n";
  }
  if (!delivery.delivered_to.empty()) {
    text += "Delivered-To: " + header_value(delivery.delivered_to) + "\n";
  }
  return text;
}

DeliveryOutcome MailStore::deliver(const Delivery& delivery, DeliveryFilter& filter) {
  auto choice = filter.choose(delivery);
  auto warnings = std::move(choice.warnings);
  bool is_as_chosen = true;
  if (auto checked = check(choice); !checked) {
    is_as_chosen = false;
    warnings.push_back(checked.error().text() + "; kept in INBOX");
    choice = DeliveryChoice::keep();
  }
  if (choice.refusal) {
    return outcome(DeliveryOutcome::Kind::Bounce, "5.7.1", *std::move(choice.refusal));
  }
  if (choice.deferral) {
    return failed_delivery(Error::temporary(choice.deferral->text()));
  }
  auto made = place_all(delivery, choice.placements);
  made.warnings.insert(made.warnings.begin(), warnings.begin(), warnings.end());
  if (made.kind == DeliveryOutcome::Kind::Delivered ||
      made.kind == DeliveryOutcome::Kind::Discarded) {
    auto remembered = is_as_chosen ? filter.remember() : Result<void>();
    if (!remembered) {
      made.warnings.push_back(remembered.error().text() + "; nobody is answered");
      std::erase_if(choice.replies, [](const auto& reply) { return !reply.is_redirect; });
    }
    made.redirects = std::move(choice.redirects);
    made.replies = std::move(choice.replies);
  }
  return made;
}

/// Once one copy is stored, the message does not bounce. The failed copies are tried again later
/// only if the store then finds the stored ones and does not duplicate them.
DeliveryOutcome MailStore::place_all(const Delivery& delivery,
                                     const std::vector<Placement>& placements) {
  if (placements.empty()) {
    return outcome(DeliveryOutcome::Kind::Discarded, "2.0.0", "discarded by filter");
  }
  std::optional<Error> failure;
  std::vector<std::string> warnings;
  std::vector<Copy> copies;
  auto note = [&](const std::string& folder, const Error& error) {
    if (!failure || folder == MailboxName::inbox().text()) failure = error;
    warnings.push_back("folder " + folder + ": " + error.text());
  };
  for (const auto& placement : placements) {
    auto name = parse_own_name(placement.folder);
    if (!name) {
      note(placement.folder, name.error());
      continue;
    }
    auto same = std::ranges::find(copies, *name, &Copy::folder);
    if (same != copies.end()) {
      same->join(placement);
    } else {
      copies.push_back(Copy{*std::move(name), placement});
    }
  }
  std::size_t stored = 0;
  bool is_in_inbox = false;
  bool was_kept_in_vain = false;
  Delivery changed;
  for (const auto& copy : copies) {
    if (copy.placement.text) {
      changed = delivery;
      changed.body = {std::string_view(*copy.placement.text)};
    }
    auto placed = place(copy.placement.text ? changed : delivery, copy.folder, copy.placement);
    stored += placed ? 1 : 0;
    is_in_inbox = is_in_inbox || (placed && copy.folder.is_inbox());
    was_kept_in_vain = was_kept_in_vain || (!placed && copy.is_plain_inbox());
    if (!placed) note(copy.folder.text(), placed.error());
  }
  if (failure && !is_in_inbox && !was_kept_in_vain) {
    auto kept = place(delivery, MailboxName::inbox(), Placement());
    is_in_inbox = kept.has_value();
    stored += kept ? 1 : 0;
    if (!kept) failure = kept.error();
  }
  bool is_retried =
      failure && !is_in_inbox && (stored == 0 || (failure->is_temporary() && finds_repeats()));
  auto made = is_retried ? failed_delivery(*failure)
                         : outcome(DeliveryOutcome::Kind::Delivered, "2.0.0",
                                   "delivered to " + std::string(format_name()));
  made.is_partly_done = is_retried && stored > 0;
  // Of a single copy the reason says all.
  if (!is_retried || placements.size() > 1) made.warnings = std::move(warnings);
  return made;
}

}  // namespace pennypost::store
