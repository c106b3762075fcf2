// Sends an Error from one of our processes to another without losing any of its parts.
#pragma once

#include <string>

#include "common/base/client_words.h"
#include "common/base/result.h"

namespace pennypost {

// Needed by wire.h for enums.
constexpr ResponseCode wire_last(ResponseCode) { return ResponseCode::Unavailable; }

struct WireError {
  std::int32_t code = 451;
  std::string status;  // "4.3.0"; empty if the Error has none
  ResponseCode response_code = ResponseCode::None;
  std::string text;
  std::string told_text;  // empty if there are no other words for the client
  template <class Archive>
  void fields(Archive& archive) {
    archive(code, status, response_code, text, told_text);
  }

  WireError() = default;
  explicit WireError(const Error& error);
  /// An invalid status code is dropped.
  Error error() const;
};

}  // namespace pennypost
