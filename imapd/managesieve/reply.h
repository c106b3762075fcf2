// Writes ManageSieve's answers: OK, NO and BYE with their codes, strings, and the capabilities.
//
// STANDARDS  RFC 5804 section 1.3 (response codes), section 1.7 (capabilities), section 4 (strings)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "store/sieve/extensions.h"

namespace pennypost::imap::managesieve {

class Reply {
 public:
  static Reply ok(std::string_view text, std::string code = {}) { return {"OK", code, text}; }
  static Reply no(std::string_view text, std::string code = {}) { return {"NO", code, text}; }
  static Reply bye(std::string_view text, std::string code = {}) { return {"BYE", code, text}; }
  /// NO with the code of what went wrong: QUOTA/MAXSCRIPTS, NONEXISTENT, TRYLATER.
  Reply(const Error& error);  // NOLINT(google-explicit-constructor): for CO_TRY

  bool is_no() const { return status_ == "NO"; }
  /// `OK (TAG "x") "Done."` and the line end; the text is left out if it is empty.
  std::string line() const;

 private:
  Reply(std::string_view status, std::string code, std::string_view text)
      : status_(status), code_(std::move(code)), text_(text) {}
  std::string_view status_;
  std::string code_;
  std::string text_;
};

/// In quotes where the text is short and has no line end; else a literal.
std::string string_of(std::string_view text);

/// What CAPABILITY tells.
struct Capabilities {
  std::string implementation;
  std::vector<std::string> mechanisms;
  std::uint64_t redirects_max = 0;
  bool has_starttls = false;
  std::string owner;  // who has logged in; empty: nobody
  store::sieve::Extensions extensions;
};
/// The lines, without the OK behind them.
std::string lines_of(const Capabilities& capabilities);

}  // namespace pennypost::imap::managesieve
