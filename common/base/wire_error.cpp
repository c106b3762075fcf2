#include "common/base/wire_error.h"

namespace pennypost {

WireError::WireError(const Error& error)
    : code(error.code()), response_code(error.response_code()), text(error.text()) {
  if (error.status()) status = error.status()->text();
  if (has_words_for_client(error)) told_text = error.client_text();
}

Error WireError::error() const {
  Error made(code, EnhancedStatus::parse(status), response_code, text);
  return told_text.empty() ? made : made.told(told_text);
}

}  // namespace pennypost
