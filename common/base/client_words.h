// Chooses the words that a client is told about an Error whose text is for the log.
//
// The text of a 5xx is about the client's request. The text of a 4xx is about this host's files,
// locks and settings, so the client is told only the words of Error::told(), or general ones.
#pragma once

#include <string>

#include "common/base/result.h"

namespace pennypost {

/// Without a response code, which the protocol adds.
std::string client_words(const Error& error);

/// Whether Error::told() was used.
bool has_words_for_client(const Error& error);

}  // namespace pennypost
