#include "smtpd/routing/resolution.h"

#include "common/base/enhanced_status.h"

namespace pennypost::smtp {

Resolution expansion(std::vector<Recipient> children) {
  Resolution resolution;
  resolution.is_expansion = true;
  resolution.children = std::move(children);
  return resolution;
}

Resolution error_route(std::string status, std::string text) {
  Resolution resolution;
  resolution.is_error = true;
  resolution.route.transport = Transport::Error;
  resolution.route.status = std::move(status);
  resolution.route.next_hop = std::move(text);
  return resolution;
}

Resolution error_route_of_text(std::string_view text, const char* default_status) {
  auto status = EnhancedStatus::take(text);
  return error_route(status ? status->text() : default_status, std::string(text));
}

Result<Resolution> resolution_of(const Error& error) {
  if (error.is_temporary()) return error;
  return error_route(error.status().value_or(EnhancedStatus("5.0.0")).text(), error.text());
}

Resolution discard(std::string text) {
  Resolution resolution;
  resolution.route.transport = Transport::Discard;
  resolution.route.next_hop = std::move(text);
  return resolution;
}

Resolution by_name(Resolution resolution, std::string transport) {
  if (resolution.route.name.empty()) resolution.route.name = std::move(transport);
  return resolution;
}

std::string domain_key(const MailAddress& address) {
  return address.domain() ? address.domain()->key() : std::string();
}

}  // namespace pennypost::smtp
