// Takes the text out of HTML, for searching it: no tags, no comments, no scripts and styles.
//
// A tag that begins a new line or cell becomes a blank; one within a line, as <b>, nothing.
// Character references are replaced: numbers, and &amp; &lt; &gt; &quot; &apos; &nbsp;. Broken HTML
// is read to its end; nothing in it is an error.
#pragma once

#include <string>
#include <string_view>

namespace pennypost::store::sieve {

std::string html_text(std::string_view html);

}  // namespace pennypost::store::sieve
