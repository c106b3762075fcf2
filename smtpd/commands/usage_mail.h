// The usage texts of the commands for users' mail and sessions, as usage.h has those of the others.
#pragma once

#include <string_view>

namespace pennypost::smtp::usage {

inline constexpr std::string_view acl =
    "usage: pennypost acl get|set|add|remove|delete|rights|list|recalc [-c DIR] [--json]\n"
    "         -u USER|-A [MAILBOX] [ID] [RIGHT]...";
inline constexpr std::string_view auth =
    "usage: pennypost auth test [-c DIR] [-o NAME=VALUE] [--client ADDRESS]\n"
    "         [--service imap|pop3|smtp|sieve] USER [PASSWORD]";
inline constexpr std::string_view copy = "usage: pennypost copy [-c DIR] -u USER|-A FOLDER QUERY";
inline constexpr std::string_view doveadm_mail =
    "       doveadm [-c DIR] who [-1] [MASK]... | kick MASK... | auth test USER [PASSWORD]\n"
    "       doveadm [-c DIR] acl get|set|add|remove|delete|rights|recalc ...\n"
    "       doveadm [-c DIR] mailbox list|status|create|delete|rename|subscribe|unsubscribe ...\n"
    "       doveadm [-c DIR] fts rescan|optimize -u USER|-A ...\n"
    "       doveadm [-c DIR] search|fetch|flags|expunge|move|copy|import|force-resync -u USER|-A "
    "... QUERY";
inline constexpr std::string_view export_mail =
    "usage: pennypost export [-c DIR] -u USER|-A mbox:FILE|maildir:DIR|tar:FILE QUERY";
inline constexpr std::string_view expunge =
    "usage: pennypost expunge [-c DIR] [-d] -u USER|-A QUERY";
inline constexpr std::string_view fetch =
    "usage: pennypost fetch [-c DIR] [--json] -u USER|-A FIELDS QUERY";
inline constexpr std::string_view flags =
    "usage: pennypost flags add|remove|replace [-c DIR] -u USER|-A FLAGS QUERY";
inline constexpr std::string_view force_resync =
    "usage: pennypost force-resync [-c DIR] [--json] -u USER|-A [PATTERN]...";
inline constexpr std::string_view fts =
    "usage: pennypost fts rescan [-c DIR] [--json] -u USER|-A [PATTERN]...\n"
    "       pennypost fts optimize [-c DIR] [--json] -u USER|-A";
inline constexpr std::string_view import_mail =
    "usage: pennypost import [-c DIR] [-s] -u USER|-A mbox:FILE|maildir:DIR[:LAYOUT=fs] FOLDER "
    "QUERY";
inline constexpr std::string_view kick = "usage: pennypost kick [-c DIR] MASK...";
inline constexpr std::string_view mailbox =
    "usage: pennypost mailbox list|status|create|delete|rename|subscribe|unsubscribe [-c DIR]\n"
    "         [--json] [-e] [-r] [-s] [-t] -u USER|-A [FIELDS] [NAME|PATTERN]...";
inline constexpr std::string_view move = "usage: pennypost move [-c DIR] -u USER|-A FOLDER QUERY";
inline constexpr std::string_view search =
    "usage: pennypost search [-c DIR] [--json] -u USER|-A QUERY";
inline constexpr std::string_view who = "usage: pennypost who [-c DIR] [-1] [--json] [MASK]...";

}  // namespace pennypost::smtp::usage
