#include "smtpd/inbound/error_class.h"

namespace pennypost::smtp {

std::optional<ErrorClass> class_of(const Reply& reply, std::string_view stage) {
  std::string_view status = reply.status();
  auto detail = status.substr(status.empty() ? 0 : 1);  // `.7.1`
  if (detail == ".3.2") return std::nullopt;
  if (detail == ".3.1") return ErrorClass::Resource;
  if (detail == ".3.5") return ErrorClass::Software;
  // After the content the queue, or what belongs to it, did not take the message; before, a table
  // could not be read.
  if (detail == ".3.0") return stage == "END-OF-MESSAGE" ? ErrorClass::Resource : ErrorClass::Data;
  if (detail == ".1.0" || detail == ".1.1" || detail == ".4.6") return ErrorClass::Bounce;
  if (detail == ".3.4") return stage == "MAIL" ? ErrorClass::Policy : ErrorClass::Bounce;
  bool is_syntax = reply.code() == 500 || reply.code() == 501 || status.empty();
  bool is_protocol = is_syntax || detail.starts_with(".5.");
  return is_protocol && !reply.is_of_policy() ? ErrorClass::Protocol : ErrorClass::Policy;
}

}  // namespace pennypost::smtp
