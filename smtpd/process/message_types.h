// Lists all requests between processes, so that no two have the same number.
//
// A number has the same meaning on every link, so a message that reaches the wrong process is
// refused there and never mistaken for another. popd and imapd have no requests but those of
// common/ and store/, which are listed here, too.
#pragma once

#include "common/process/control.h"
#include "common/process/message_list.h"
#include "common/process/session_messages.h"
#include "smtpd/delivery/messages.h"
#include "smtpd/delivery/probe_messages.h"
#include "smtpd/delivery/room_messages.h"
#include "smtpd/milter/messages.h"
#include "smtpd/pickup/control.h"
#include "smtpd/pickup/user_mail.h"
#include "smtpd/policy/content_checks.h"
#include "smtpd/policy/messages.h"
#include "smtpd/policy/outgoing_messages.h"
#include "smtpd/policy/report_messages.h"
#include "smtpd/policy/screen_messages.h"
#include "smtpd/policy/signing_messages.h"
#include "smtpd/process/metrics.h"
#include "smtpd/queue/messages.h"
#include "smtpd/queue/screen_messages.h"
#include "smtpd/queue/tls_note.h"
#include "smtpd/queue/verify_messages.h"
#include "smtpd/routing/messages.h"
#include "smtpd/routing/sts_question.h"
#include "smtpd/scheduler/local_sockets.h"
#include "store/login/auth.h"
#include "store/login/credentials_keeper.h"
#include "store/login/handover.h"

namespace pennypost::smtp {

using AllMessages = MessageList<
    // Between master and child, and pennypost and master.
    control::NewPeer, control::TryConfig, control::TakeConfig, control::DropConfig, control::Report,
    control::Begin, control::TryReload, control::CommitReload, control::Drain, control::AskIdleness,
    control::MakeRoom, control::ConnectLog, control::Trace, control::EndTrace,
    control::ListSessions, control::EndSessions,
    // Login, authentication and workers.
    store::AuthStep, store::AuthAbort, store::AskScram, store::Verified, store::HandOver,
    store::GiveBack, store::TakeBack, store::Serve, store::SessionEnded, store::RenewPassword,
    store::SetQuota,
    // receive, lookup, queue, send and deliver.
    FindMilters, ConnectMilter, DescribeDestination, OpenBody, DropBody, Submit, PostNotice,
    Deliver, FlushSite, ConnectFilter, CheckUser, CheckRecipient, CheckRestrictions, CountClient,
    FindFooter, Resolve, Canonicalize, Generalize, CheckContent, LookAtTables, NoteMailbox, Attempt,
    NeedDeliver, ConnectSocket, VerifyAddress, Probe, CheckSubmitter, AskRoom, MeasureRoom,
    AskAllowance, ScreenAccess, NameDnsbl, RecallClient, NotePassed, FindSigningKeys, SignDigests,
    NoteTls, NoteTlsResult, FindStsPolicy, NoteEvaluation, FindReportTargets, PostReport,
    // The figures of all daemons.
    AskMetricsSocket, AskFigures,
    // Between programs of this host and the queue.
    PostMail, ListQueue, SummarizeQueue, FlushQueue, ChangeQueue, ReadMessage, RepairQueue,
    MakeCheckpoint, Pickup, HoldUserMail>;
static_assert(AllMessages::are_types_distinct(), "two requests bear one number");

}  // namespace pennypost::smtp
