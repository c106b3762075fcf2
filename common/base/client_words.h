// What a client may hear of an Error whose text is for the log.
//
// The text of a 5xx speaks of what the client asked for. That of a 4xx speaks of this host, of its
// files, locks and settings: unless told() gave other words the client gets some that name none.
#pragma once

#include <string>

#include "common/base/result.h"

namespace pennypost {

/// Without a response code, which is the protocol's to write.
std::string client_words(const Error& error);

/// Whether told() gave words for the client.
bool has_words_for_client(const Error& error);

}  // namespace pennypost
