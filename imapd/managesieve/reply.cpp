#include "imapd/managesieve/reply.h"

#include "common/base/client_words.h"
#include "common/base/text.h"
#include "store/sieve/extensions.h"

namespace pennypost::imap::managesieve {
namespace {

constexpr std::size_t quoted_bytes_max = 1024;  // RFC 5804 section 4

std::string_view code_of(const Error& error) {
  switch (error.response_code()) {
    case ResponseCode::AlreadyExists:
      return "ALREADYEXISTS";
    case ResponseCode::InUse:
      return error.is_temporary() ? "TRYLATER" : "ACTIVE";
    case ResponseCode::Limit:
      return "QUOTA/MAXSCRIPTS";
    case ResponseCode::NonExistent:
      return "NONEXISTENT";
    case ResponseCode::OverQuota:
      return "QUOTA/MAXSIZE";
    default:
      return error.is_temporary() ? "TRYLATER" : "";
  }
}

void add_line(std::string& out, std::string_view name, std::string_view value) {
  out += string_of(name) + " " + string_of(value) + "\r\n";
}

}  // namespace

Reply::Reply(const Error& error)
    : status_("NO"), code_(code_of(error)), text_(client_words(error)) {}

std::string Reply::line() const {
  std::string out(status_);
  if (!code_.empty()) out += " (" + code_ + ")";
  if (!text_.empty()) out += " " + string_of(text_);
  return out + "\r\n";
}

std::string string_of(std::string_view text) {
  bool is_long = text.size() > quoted_bytes_max;
  if (is_long || text.find_first_of(std::string_view("\r\n\0", 3)) != text.npos) {
    return "{" + std::to_string(text.size()) + "}\r\n" + std::string(text);
  }
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string lines_of(const Capabilities& capabilities) {
  std::string out;
  std::vector<std::string> extensions;
  for (auto name : store::sieve::extension_names(capabilities.extensions))
    extensions.emplace_back(name);
  add_line(out, "IMPLEMENTATION", capabilities.implementation);
  add_line(out, "SASL", join(capabilities.mechanisms, " "));
  add_line(out, "SIEVE", join(extensions, " "));
  add_line(out, "NOTIFY", "mailto");
  add_line(out, "MAXREDIRECTS", std::to_string(capabilities.redirects_max));
  add_line(out, "LANGUAGE", "en");
  if (!capabilities.owner.empty()) add_line(out, "OWNER", capabilities.owner);
  if (capabilities.has_starttls) out += "\"STARTTLS\"\r\n";
  if (!capabilities.owner.empty()) out += "\"UNAUTHENTICATE\"\r\n";
  add_line(out, "VERSION", "1.0");
  return out;
}

}  // namespace pennypost::imap::managesieve
