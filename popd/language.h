// Answers LANG: in which language the server writes the texts of its replies.
//
// There is one, English, under its own tag and as the default that every server has.
//
// STANDARDS  RFC 6856 section 3 (LANG), RFC 4647 section 3.4 (en-GB finds en)
#pragma once

#include <string_view>

#include "common/net/connection.h"
#include "popd/replies.h"

namespace pennypost::pop {

/// `args`: empty for the list of languages, `*` for the default, else a language's tag.
void answer_lang(std::string_view args, Connection& connection, Replies& replies);

}  // namespace pennypost::pop
