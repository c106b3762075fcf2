// The rows of the command table.
#include "store/sieve/command_table.h"

#include <algorithm>

#include "store/sieve/argument_checks.h"
#include "store/sieve/handlers.h"

namespace pennypost::store::sieve {
namespace {

using enum ArgumentKind;
using enum CommandKind;
using E = Extension;
using G = TagGroup;
using T = Tag;

// RFC 5228 section 2.7; RFC 5231 section 4; RFC 6134 section 2.2
constexpr std::array match_tags{
    TagRow{"comparator", T::Comparator, G::Own, String},
    TagRow{"contains", T::Contains, G::Match},
    TagRow{"count", T::Count, G::Match, String, E::Relational},
    TagRow{"is", T::Is, G::Match},
    TagRow{"list", T::List, G::Match, None, E::ExtLists},
    TagRow{"matches", T::Matches, G::Match},
    TagRow{"regex", T::Regex, G::Match, None, E::Regex},
    TagRow{"value", T::Value, G::Match, String, E::Relational},
};
// RFC 5228 section 2.7.4; RFC 5233
constexpr std::array address_tags{
    TagRow{"all", T::All, G::AddressPart},
    TagRow{"detail", T::Detail, G::AddressPart, None, E::SubAddress},
    TagRow{"domain", T::Domain, G::AddressPart},
    TagRow{"localpart", T::LocalPart, G::AddressPart},
    TagRow{"user", T::User, G::AddressPart, None, E::SubAddress},
};
// RFC 5260 section 6; RFC 5703 section 4
constexpr std::array field_tags{
    TagRow{"anychild", T::AnyChild, G::Own, None, E::Mime},
    TagRow{"index", T::Index, G::Own, Number, E::Index},
    TagRow{"last", T::Last, G::Own, None, E::Index},
    TagRow{"mime", T::Mime, G::Own, None, E::Mime},
};
constexpr std::array mime_tags{
    TagRow{"contenttype", T::ContentType, G::MimePart, None, E::Mime},
    TagRow{"param", T::Param, G::MimePart, StringList, E::Mime},
    TagRow{"subtype", T::Subtype, G::MimePart, None, E::Mime},
    TagRow{"type", T::Type, G::MimePart, None, E::Mime},
};
constexpr std::array exists_tags{
    TagRow{"anychild", T::AnyChild, G::Own, None, E::Mime},
    TagRow{"mime", T::Mime, G::Own, None, E::Mime},
};
constexpr std::array body_tags{
    TagRow{"content", T::Content, G::Transform, StringList},
    TagRow{"raw", T::Raw, G::Transform},
    TagRow{"text", T::Text, G::Transform},
};
constexpr std::array zone_tags{
    TagRow{"originalzone", T::OriginalZone, G::Zone},
    TagRow{"zone", T::Zone, G::Zone, String},
};
constexpr std::array current_zone_tags{TagRow{"zone", T::Zone, G::Zone, String}};
constexpr std::array size_tags{
    TagRow{"over", T::Over, G::Size},
    TagRow{"under", T::Under, G::Size},
};
constexpr std::array keep_tags{TagRow{"flags", T::Flags, G::Own, StringList, E::Imap4Flags}};
constexpr std::array fileinto_tags{
    TagRow{"copy", T::Copy, G::Own, None, E::Copy},
    TagRow{"create", T::Create, G::Own, None, E::Mailbox},
    TagRow{"specialuse", T::SpecialUse, G::Own, String, E::SpecialUse},
};
constexpr std::array redirect_tags{
    TagRow{"copy", T::Copy, G::Own, None, E::Copy},
    TagRow{"list", T::List, G::Own, None, E::ExtLists},
};
constexpr std::array duplicate_tags{
    TagRow{"handle", T::Handle, G::Own, String},
    TagRow{"header", T::Header, G::DuplicateKey, String},
    TagRow{"last", T::Last},
    TagRow{"seconds", T::Seconds, G::Own, Number},
    TagRow{"uniqueid", T::UniqueId, G::DuplicateKey, String},
};
constexpr std::array vacation_tags{
    TagRow{"addresses", T::Addresses, G::Own, StringList},
    TagRow{"days", T::Days, G::Period, Number},
    TagRow{"from", T::From, G::Own, String},
    TagRow{"handle", T::Handle, G::Own, String},
    TagRow{"mime", T::Mime},
    TagRow{"seconds", T::Seconds, G::Period, Number, E::VacationSeconds},
    TagRow{"subject", T::Subject, G::Own, String},
};
// RFC 5229 section 4; RFC 5435 section 6; the groups are its precedences
constexpr std::array set_tags{
    TagRow{"encodeurl", T::EncodeUrl, G::Own, None, E::Enotify},
    TagRow{"length", T::Length},
    TagRow{"lower", T::Lower, G::Case},
    TagRow{"lowerfirst", T::LowerFirst, G::FirstCase},
    TagRow{"quoteregex", T::QuoteRegex, G::Quote, None, E::Regex},
    TagRow{"quotewildcard", T::QuoteWildcard, G::Quote},
    TagRow{"upper", T::Upper, G::Case},
    TagRow{"upperfirst", T::UpperFirst, G::FirstCase},
};
constexpr std::array extract_tags{TagRow{"first", T::First, G::Own, Number}};
constexpr std::array include_tags{
    TagRow{"global", T::Global, G::Location},
    TagRow{"once", T::Once},
    TagRow{"optional", T::Optional},
    TagRow{"personal", T::Personal, G::Location},
};
constexpr std::array notify_tags{
    TagRow{"from", T::From, G::Own, String},
    TagRow{"importance", T::Importance, G::Own, String},
    TagRow{"message", T::Message, G::Own, String},
    TagRow{"options", T::Options, G::Own, StringList},
};
constexpr std::array addheader_tags{TagRow{"last", T::Last}};
constexpr std::array deleteheader_tags{
    TagRow{"index", T::Index, G::Own, Number},
    TagRow{"last", T::Last},
};
constexpr std::array percent_tags{TagRow{"percent", T::Percent, G::Own, None, E::SpamTestPlus}};
// Pigeonhole's vnd.dovecot.pipe and vnd.dovecot.execute
constexpr std::array pipe_tags{
    TagRow{"copy", T::Copy, G::Own, None, E::Copy},
    TagRow{"try", T::Try},
};
constexpr std::array execute_tags{
    TagRow{"input", T::Input, G::Input, String},
    TagRow{"output", T::Output, G::Own, String, E::Variables},
    TagRow{"pipe", T::Pipe, G::Input},
};
constexpr std::array name_tags{TagRow{"name", T::Name, G::Own, String}};

constexpr std::array enclose_tags{
    TagRow{"headers", T::Header, G::Own, StringList},
    TagRow{"subject", T::Subject, G::Own, String},
};
constexpr std::array replace_tags{
    TagRow{"from", T::From, G::Own, String},
    TagRow{"mime", T::Mime},
    TagRow{"subject", T::Subject, G::Own, String},
};

/// A command that acts.
constexpr CommandRow act(std::string_view name, E extension, std::array<ArgumentKind, 3> arguments,
                         std::array<std::span<const TagRow>, 4> tags, ArgumentCheck check,
                         ActionHandler handler) {
  return {name, extension, Act, arguments, tags, check, handler};
}
constexpr CommandRow ask(std::string_view name, E extension, std::array<ArgumentKind, 3> arguments,
                         std::array<std::span<const TagRow>, 4> tags, ArgumentCheck check,
                         TestHandler handler, TestsWanted tests = TestsWanted::None) {
  return {name, extension, Test, arguments, tags, check, nullptr, handler, tests};
}
/// A command that tells as a test whether it was done.
constexpr CommandRow act_or_ask(std::string_view name, E extension,
                                std::array<ArgumentKind, 3> arguments,
                                std::array<std::span<const TagRow>, 4> tags, ArgumentCheck check,
                                ActionHandler action, TestHandler test) {
  return {name, extension, Act, arguments, tags, check, action, test};
}
constexpr CommandRow choose(std::string_view name, CommandKind kind, TestsWanted tests) {
  return {name, E::None, kind, {}, {}, nullptr, nullptr, nullptr, tests};
}

constexpr std::array rows{
    act("addflag", E::Imap4Flags, {OptionalString, StringList}, {}, &check_flags, &addflag),
    act("addheader", E::EditHeader, {String, String}, {addheader_tags}, &check_new_field,
        &addheader),
    ask("address", E::None, {StringList, StringList}, {match_tags, address_tags, field_tags},
        &check_address, &address),
    ask("allof", E::None, {}, {}, nullptr, &allof, TestsWanted::List),
    ask("anyof", E::None, {}, {}, nullptr, &anyof, TestsWanted::List),
    ask("body", E::Body, {StringList}, {match_tags, body_tags}, nullptr, &body),
    act("break", E::ForEveryPart, {}, {name_tags}, &check_break, &break_loop),
    ask("currentdate", E::Date, {String, StringList}, {match_tags, current_zone_tags}, &check_date,
        &currentdate),
    ask("date", E::Date, {String, String, StringList}, {match_tags, field_tags, zone_tags},
        &check_date, &date),
    act("deleteheader", E::EditHeader, {String, OptionalList}, {match_tags, deleteheader_tags},
        &check_old_field, &deleteheader),
    act("discard", E::None, {}, {}, nullptr, &discard),
    ask("duplicate", E::Duplicate, {}, {duplicate_tags}, &check_duplicate, &duplicate),
    choose("else", Else, TestsWanted::None),
    choose("elsif", ElseIf, TestsWanted::One),
    act("enclose", E::Enclose, {String}, {enclose_tags}, nullptr, &enclose),
    ask("envelope", E::Envelope, {StringList, StringList}, {match_tags, address_tags},
        &check_envelope, &envelope),
    ask("environment", E::Environment, {String, StringList}, {match_tags}, nullptr, &environment),
    act("ereject", E::Ereject, {String}, {}, nullptr, &ereject),
    act("error", E::Ihave, {String}, {}, nullptr, &error),
    act_or_ask("execute", E::DovecotExecute, {String, OptionalList}, {execute_tags}, &check_program,
               &execute, &is_executed),
    ask("exists", E::None, {StringList}, {exists_tags}, &check_fields, &exists),
    act("extracttext", E::ExtractText, {String}, {extract_tags, set_tags}, &check_extract,
        &extracttext),
    ask("false", E::None, {}, {}, nullptr, &never),
    act("fileinto", E::FileInto, {String}, {keep_tags, fileinto_tags}, &check_fileinto, &fileinto),
    act_or_ask("filter", E::DovecotFilter, {String, OptionalList}, {}, &check_program, &filter,
               &is_filtered),
    CommandRow{"foreverypart", E::ForEveryPart, ForEveryPart, {}, {name_tags}},
    act("global", E::Include, {StringList}, {}, &check_global, &global),
    ask("hasflag", E::Imap4Flags, {OptionalList, StringList}, {match_tags}, &check_flags, &hasflag),
    ask("header", E::None, {StringList, StringList}, {match_tags, field_tags, mime_tags},
        &check_header, &header),
    choose("if", If, TestsWanted::One),
    ask("ihave", E::Ihave, {StringList}, {}, &check_ihave, &ihave),
    act("include", E::Include, {String}, {include_tags}, &check_include, &include),
    act("keep", E::None, {}, {keep_tags}, nullptr, &keep),
    ask("mailboxexists", E::Mailbox, {StringList}, {}, nullptr, &mailboxexists),
    ask("metadata", E::MboxMetadata, {String, String, StringList}, {match_tags}, nullptr,
        &metadata),
    ask("metadataexists", E::MboxMetadata, {String, StringList}, {}, nullptr, &metadataexists),
    ask("not", E::None, {}, {}, nullptr, &negation, TestsWanted::One),
    act("notify", E::Enotify, {String}, {notify_tags}, &check_notify, &notify),
    ask("notify_method_capability", E::Enotify, {String, String, StringList}, {match_tags}, nullptr,
        &notify_method_capability),
    act("pipe", E::DovecotPipe, {String, OptionalList}, {pipe_tags}, &check_program, &pipe),
    act("redirect", E::None, {String}, {redirect_tags}, &check_redirect_address, &redirect),
    act("reject", E::Reject, {String}, {}, nullptr, &reject),
    act("removeflag", E::Imap4Flags, {OptionalString, StringList}, {}, &check_flags, &removeflag),
    act("replace", E::Replace, {String}, {replace_tags}, &check_replace, &replace),
    CommandRow{"require", E::None, Require, {StringList}},
    act("return", E::Include, {}, {}, nullptr, &return_to_caller),
    ask("servermetadata", E::ServerMetadata, {String, StringList}, {match_tags}, nullptr,
        &servermetadata),
    ask("servermetadataexists", E::ServerMetadata, {StringList}, {}, nullptr,
        &servermetadataexists),
    act("set", E::Variables, {String, String}, {set_tags}, &check_set, &set),
    act("setflag", E::Imap4Flags, {OptionalString, StringList}, {}, &check_flags, &setflag),
    ask("size", E::None, {Number}, {size_tags}, &check_size, &size),
    ask("spamtest", E::SpamTest, {String}, {match_tags, percent_tags}, nullptr, &spamtest),
    ask("specialuse_exists", E::SpecialUse, {OptionalString, StringList}, {}, nullptr,
        &specialuse_exists),
    act("stop", E::None, {}, {}, nullptr, &stop),
    ask("string", E::Variables, {StringList, StringList}, {match_tags}, nullptr, &string),
    ask("true", E::None, {}, {}, nullptr, &always),
    act("vacation", E::Vacation, {String}, {vacation_tags}, &check_vacation, &vacation),
    ask("valid_ext_list", E::ExtLists, {StringList}, {}, nullptr, &valid_ext_list),
    ask("valid_notify_method", E::Enotify, {StringList}, {}, nullptr, &valid_notify_method),
    ask("virustest", E::VirusTest, {String}, {match_tags}, nullptr, &virustest),
};
static_assert(std::ranges::is_sorted(rows, {}, &CommandRow::name),
              "find_command() searches by halves");

}  // namespace

const TagRow* CommandRow::find_tag(std::string_view wanted) const {
  for (auto set : tags) {
    auto found = std::ranges::find(set, wanted, &TagRow::name);
    if (found != set.end()) return &*found;
  }
  return nullptr;
}

std::span<const CommandRow> command_rows() { return rows; }

const CommandRow* find_command(std::string_view name) {
  auto found = std::ranges::lower_bound(rows, name, {}, &CommandRow::name);
  return found != rows.end() && found->name == name ? &*found : nullptr;
}

}  // namespace pennypost::store::sieve
