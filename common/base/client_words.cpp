#include "common/base/client_words.h"

namespace pennypost {
namespace {

std::string plain_words(ResponseCode code) {
  switch (code) {
    case ResponseCode::Corruption:
      return "What is stored there is damaged; ask the administrator.";
    case ResponseCode::InUse:
      return "Another program is using it; try again later.";
    case ResponseCode::Limit:
      return "A limit of the server is reached.";
    case ResponseCode::NoPerm:
      return "Permission denied; ask the administrator.";
    case ResponseCode::OverQuota:
      return "There is no space left for it.";
    default:
      return "That can't be done now; try again later.";
  }
}

}  // namespace

std::string client_words(const Error& error) {
  if (has_words_for_client(error) || !error.is_temporary()) return error.client_text();
  return plain_words(error.response_code());
}

// client_text() returns text() itself if there is no separate text.
bool has_words_for_client(const Error& error) { return &error.client_text() != &error.text(); }

}  // namespace pennypost
