#include "store/mailbox/outcome.h"

#include <variant>

#include "store/mailbox/body.h"

namespace pennypost::store {
namespace {

DeliveryOutcome outcome(DeliveryOutcome::Kind kind, std::string dsn, std::string reason) {
  DeliveryOutcome result;
  result.kind = kind;
  result.dsn = std::move(dsn);
  result.reason = std::move(reason);
  return result;
}

}  // namespace

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

DeliveryOutcome failed_delivery(const Error& error) {
  bool overquota = error.response_code() == ResponseCode::OverQuota;
  bool full = error.code() == 452;
  std::string detail = overquota ? "2.2" : full ? "3.1" : "2.0";
  auto kind = error.is_temporary() ? DeliveryOutcome::Kind::Retry : DeliveryOutcome::Kind::Bounce;
  return outcome(kind, (error.is_temporary() ? "4." : "5.") + detail, error.text());
}

DeliveryOutcome deliver_as_chosen(const DeliveryChoice& choice, std::string_view kind,
                                  const std::function<Result<void>(const Placement&)>& place) {
  if (const auto* reject = std::get_if<Reject>(&choice)) {
    return outcome(DeliveryOutcome::Kind::Bounce, "5.7.1", reject->reason);
  }
  if (std::holds_alternative<Discard>(choice)) {
    return outcome(DeliveryOutcome::Kind::Delivered, "2.0.0", "discarded by filter");
  }
  auto stored = place(std::get<Placement>(choice));
  if (!stored) return failed_delivery(stored.error());
  return outcome(DeliveryOutcome::Kind::Delivered, "2.0.0", "delivered to " + std::string(kind));
}

}  // namespace pennypost::store
