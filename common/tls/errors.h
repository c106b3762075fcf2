// Turns OpenSSL's queue of errors into one readable text.
#pragma once

#include <string>

namespace pennypost {

/// The first error in OpenSSL's queue, which is emptied.
std::string openssl_error();

}  // namespace pennypost
