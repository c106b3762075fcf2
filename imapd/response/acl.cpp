#include "imapd/response/acl.h"

namespace pennypost::imap {
namespace {

void append_entry(std::string& out, const std::string& who, store::Rights rights) {
  out += ' ';
  append_astring(out, who);
  out += ' ';
  append_astring(out, rights.letters_with_obsolete());
}

}  // namespace

std::string acl_line(std::string_view utf8_name, const store::Acl& acl, NameForm form) {
  std::string out = "* ACL ";
  append_mailbox(out, utf8_name, form);
  for (const auto& entry : acl.entries()) {
    auto who = entry.who.imap_text();
    if (entry.granted) append_entry(out, who, entry.granted->rights);
    if (entry.denied) append_entry(out, '-' + who, entry.denied->rights);
  }
  return out + "\r\n";
}

std::string list_rights_line(std::string_view utf8_name, std::string_view identifier, bool is_owner,
                             NameForm form) {
  std::string out = "* LISTRIGHTS ";
  append_mailbox(out, utf8_name, form);
  out += ' ';
  append_astring(out, identifier);
  out += is_owner ? " a" : " \"\"";
  for (char letter : store::Rights::all().letters_with_obsolete()) {
    if (is_owner && letter == 'a') continue;
    out += ' ';
    out += letter;
  }
  return out + "\r\n";
}

std::string my_rights_line(std::string_view utf8_name, store::Rights rights, NameForm form) {
  std::string out = "* MYRIGHTS ";
  append_mailbox(out, utf8_name, form);
  out += ' ';
  append_astring(out, rights.letters_with_obsolete());
  return out + "\r\n";
}

}  // namespace pennypost::imap
