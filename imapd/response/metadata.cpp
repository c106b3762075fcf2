#include "imapd/response/metadata.h"

namespace pennypost::imap {
namespace {

constexpr std::uint64_t storage_unit = 1024;

// RFC 5464 section 5: a value with NUL can only be a literal8.
void append_value(std::string& out, const std::optional<std::string>& value) {
  if (value && value->find('\0') != std::string::npos) {
    out += '~';
    append_literal_header(out, value->size());
    out += *value;
  } else {
    append_nstring(out, value);
  }
}

}  // namespace

std::string metadata_line(std::string_view utf8_name, const EntryValues& values, NameForm form) {
  std::string out = "* METADATA ";
  append_mailbox(out, utf8_name, form);
  out += " (";
  for (const auto& [name, value] : values) {
    if (!out.ends_with('(')) out += ' ';
    append_astring(out, name);
    out += ' ';
    append_value(out, value);
  }
  return out + ")\r\n";
}

std::string changed_metadata_line(std::string_view utf8_name,
                                  const std::vector<std::string>& entries, NameForm form) {
  std::string out = "* METADATA ";
  append_mailbox(out, utf8_name, form);
  for (const auto& name : entries) {
    out += ' ';
    append_astring(out, name);
  }
  return out + "\r\n";
}

std::string quota_line(const store::Usage& usage, std::string_view root) {
  std::string out = "* QUOTA ";
  append_astring(out, root);
  std::vector<std::string> resources;
  if (usage.bytes_max) {
    auto used = usage.bytes / storage_unit + (usage.bytes % storage_unit == 0 ? 0 : 1);
    resources.push_back("STORAGE " + std::to_string(used) + ' ' +
                        std::to_string(*usage.bytes_max / storage_unit));
  }
  if (usage.messages_max) {
    resources.push_back("MESSAGE " + std::to_string(usage.messages) + ' ' +
                        std::to_string(*usage.messages_max));
  }
  out += ' ';
  append_list(out, resources);
  return out + "\r\n";
}

std::string quota_root_line(std::string_view utf8_name, std::string_view root, NameForm form) {
  std::string out = "* QUOTAROOT ";
  append_mailbox(out, utf8_name, form);
  if (!root.empty()) {
    out += ' ';
    append_astring(out, root);
  }
  return out + "\r\n";
}

}  // namespace pennypost::imap
