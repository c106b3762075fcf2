// Turns a filter's choice and the result of storing into the outcome of a delivery.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "store/mailbox/delivery.h"

namespace pennypost::store {

/// Return-Path, X-Original-To and Delivered-To, each with its LF.
std::string delivery_headers(const Delivery& delivery);

/// Carries out the choice: `place` stores the message. `kind` is "maildir" or "mailbox", for the
/// reason "delivered to maildir".
DeliveryOutcome deliver_as_chosen(const DeliveryChoice& choice, std::string_view kind,
                                  const std::function<Result<void>(const Placement&)>& place);

/// 452 with OverQuota: 4.2.2; 552: 5.2.2; 452: 4.3.1; other 4xx: 4.2.0; other 5xx: 5.2.0.
DeliveryOutcome failed_delivery(const Error& error);

}  // namespace pennypost::store
