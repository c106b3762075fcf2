// An Error as our processes send it to one another: nothing of it is lost on the way.
#pragma once

#include <string>

#include "common/base/client_words.h"
#include "common/base/result.h"

namespace pennypost {

// As wire.h asks of an enum that is sent.
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
  /// What is no status code counts as none.
  Error error() const;
};

}  // namespace pennypost
