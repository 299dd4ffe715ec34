"""The words of the domain: every term that code, a rule or a register may use, and its label.

The terms live in ``policies/vocabulary.toml``; the enums here name those that code mentions, and a test
holds the two equal. Nothing that is not listed can be decided upon.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any


class Jurisdiction(StrEnum):
    """Nation or nations whose law governs the case."""

    EW = "EW"
    ENG = "ENG"
    WAL = "WAL"
    SCO = "SCO"
    NIR = "NIR"


class Arrangement(StrEnum):
    """Kinds of arrangement."""

    MAPPA = "MAPPA"
    MAPPA_SCR = "MAPPA_SCR"
    MARAC = "MARAC"
    MASH = "MASH"
    CHILD_PROTECTION = "CHILD_PROTECTION"
    ADULT_SAFEGUARDING = "ADULT_SAFEGUARDING"
    IOM = "IOM"
    CSP = "CSP"
    VMAP = "VMAP"
    SUPPORTING_FAMILIES = "SUPPORTING_FAMILIES"
    SERIOUS_VIOLENCE_DUTY = "SERIOUS_VIOLENCE_DUTY"
    CHANNEL = "CHANNEL"
    DVDS = "DVDS"
    CSODS = "CSODS"
    CHILD_DEATH_REVIEW = "CHILD_DEATH_REVIEW"
    DARDR = "DARDR"
    NONE = "NONE"


class AgencyType(StrEnum):
    """Kinds of body that ask, hold or receive."""

    POLICE = "police"
    PROBATION = "probation"
    PRISON = "prison"
    YOUTH_OFFENDING = "youth_offending"
    LA_CHILDRENS = "la_childrens"
    LA_ADULTS = "la_adults"
    LA_HOUSING = "la_housing"
    HOUSING_ASSOCIATION = "housing_association"
    PRIVATE_LANDLORD = "private_landlord"
    SCHOOL = "school"
    EARLY_YEARS = "early_years"
    NHS_GP = "nhs_gp"
    NHS_ACUTE = "nhs_acute"
    NHS_MENTAL_HEALTH = "nhs_mental_health"
    ICB = "icb"
    AMBULANCE = "ambulance"
    SUBSTANCE_MISUSE_SERVICE = "substance_misuse_service"
    DA_SERVICE = "da_service"
    SEXUAL_VIOLENCE_SERVICE = "sexual_violence_service"
    PERPETRATOR_PROGRAMME = "perpetrator_programme"
    JOBCENTRE_DWP = "jobcentre_dwp"
    ELECTRONIC_MONITORING = "electronic_monitoring"
    HOME_OFFICE_IMMIGRATION = "home_office_immigration"
    HOME_OFFICE_CASEWORK = "home_office_casework"
    CAFCASS = "cafcass"
    FAMILY_COURT = "family_court"
    PAROLE_BOARD = "parole_board"
    MAPPA_UNIT = "mappa_unit"
    MARAC_COORDINATION = "marac_coordination"
    SOCIAL_SECURITY_SCOTLAND = "social_security_scotland"
    CSP_UNIT = "csp_unit"
    SAFEGUARDING_PARTNERSHIP = "safeguarding_partnership"
    CHANNEL_PANEL = "channel_panel"
    SOLICITOR = "solicitor"
    EMPLOYER = "employer"
    FAITH_ORG = "faith_org"
    COMMUNITY_GROUP = "community_group"
    VOLUNTARY_MENTORING = "voluntary_mentoring"
    CONTRACTOR = "contractor"
    RESEARCH_BODY = "research_body"
    NATIONAL_DATABASE = "national_database"
    MEMBER_OF_PUBLIC = "member_of_public"
    FAMILY_MEMBER = "family_member"
    PERPETRATOR = "perpetrator"
    VICTIM = "victim"
    VICTIM_ADVOCACY = "victim_advocacy"
    DARDR_CHAIR = "dardr_chair"
    GOVERNANCE = "governance"
    SUPPORTING_FAMILIES_TEAM = "supporting_families_team"
    COUNCIL_LEGAL = "council_legal"


class Duty(StrEnum):
    """Standing of a body in one arrangement."""

    RESPONSIBLE_AUTHORITY = "responsible_authority"
    DUTY_TO_COOPERATE = "duty_to_cooperate"
    ASSOCIATE = "associate"
    OTHER_STATUTORY_DUTY = "other_statutory_duty"
    NONE = "none"


class Orientation(StrEnum):
    """Whom the staff of a post work with."""

    VICTIM_FACING = "victim_facing"
    PERPETRATOR_FACING = "perpetrator_facing"
    NEUTRAL = "neutral"
    BOTH = "both"


class SubjectRole(StrEnum):
    """What the subject is in the case."""

    VICTIM = "victim"
    PERPETRATOR = "perpetrator"
    ALLEGED_PERPETRATOR = "alleged_perpetrator"
    CHILD_VICTIM = "child_victim"
    CHILD_OF_VICTIM = "child_of_victim"
    CHILD_AT_RISK = "child_at_risk"
    ADULT_AT_RISK = "adult_at_risk"
    RECURRENT_VICTIM = "recurrent_victim"
    RECURRENT_OFFENDER = "recurrent_offender"
    FAMILY_HOUSEHOLD = "family_household"
    PARTNER_AT_RISK = "partner_at_risk"
    DECEASED_VICTIM = "deceased_victim"
    DECEASED_CHILD = "deceased_child"
    WITNESS = "witness"
    DATA_POPULATION = "data_population"


class AgeBand(StrEnum):
    """Age at the time of the decision."""

    UNDER_13 = "under_13"
    FROM_13_TO_15 = "from_13_to_15"
    FROM_16_TO_17 = "from_16_to_17"
    ADULT = "adult"
    NOT_KNOWN = "not_known"


class Capacity(StrEnum):
    """Capacity for this decision (Mental Capacity Act 2005 ss1-4)."""

    HAS_CAPACITY = "has_capacity"
    LACKS_CAPACITY = "lacks_capacity"
    FLUCTUATING = "fluctuating"
    UNDER_16_GILLICK_COMPETENT = "under_16_gillick_competent"
    UNDER_16_NOT_COMPETENT = "under_16_not_competent"
    NOT_ASSESSED = "not_assessed"
    NOT_APPLICABLE = "not_applicable"


class Sensitivity(StrEnum):
    """How much harm a wrong disclosure does."""

    S1 = "S1"
    S2 = "S2"
    S3 = "S3"
    S3_PLUS = "S3+"
    S4 = "S4"
    X = "X"


class Category(StrEnum):
    """Kinds of information."""

    IDENTITY = "identity"
    CONTACT_SAFE = "contact_safe"
    ADDRESS_CURRENT = "address_current"
    LOCATION_AREA = "location_area"
    SAFETY_PLAN = "safety_plan"
    RISK_ASSESSMENT = "risk_assessment"
    RISK_MANAGEMENT_PLAN = "risk_management_plan"
    HEALTH_PHYSICAL = "health_physical"
    HEALTH_MENTAL = "health_mental"
    HEALTH_SEXUAL = "health_sexual"
    SUBSTANCE_USE = "substance_use"
    COUNSELLING_NOTES = "counselling_notes"
    SEXUAL_LIFE = "sexual_life"
    PROTECTED_CHARACTERISTICS = "protected_characteristics"
    GENDER_RECOGNITION = "gender_recognition"
    ACCESS_NEEDS = "access_needs"
    ALLEGATIONS = "allegations"
    CONVICTIONS = "convictions"
    INTELLIGENCE = "intelligence"
    SOURCE_IDENTITY = "source_identity"
    VISOR_RECORD = "visor_record"
    SUPERVISION_CONDITIONS = "supervision_conditions"
    IMMIGRATION_STATUS = "immigration_status"
    CHILD_DETAILS = "child_details"
    EDUCATION = "education"
    FAMILY_PROCEEDINGS = "family_proceedings"
    HOUSING = "housing"
    FINANCES = "finances"
    BIOMETRIC = "biometric"
    VICTIM_VIEWS = "victim_views"
    MINUTES = "minutes"
    DISCLOSURE_LOG = "disclosure_log"


class Purpose(StrEnum):
    """What the information is for."""

    PUBLIC_PROTECTION = "public_protection"
    VICTIM_SAFETY = "victim_safety"
    CHILD_PROTECTION = "child_protection"
    EARLY_HELP = "early_help"
    ADULT_SAFEGUARDING = "adult_safeguarding"
    OFFENDER_MANAGEMENT = "offender_management"
    CRIME_PREVENTION = "crime_prevention"
    STRATEGIC_CRIME_REDUCTION = "strategic_crime_reduction"
    CRIMINAL_INVESTIGATION = "criminal_investigation"
    PROTECTIVE_THIRD_PARTY_DISCLOSURE = "protective_third_party_disclosure"
    CASE_REVIEW = "case_review"
    LEGAL_PROCEEDINGS = "legal_proceedings"
    HOUSING_ALLOCATION = "housing_allocation"
    SERVICE_COORDINATION = "service_coordination"
    IMMIGRATION_ENFORCEMENT = "immigration_enforcement"
    IMMIGRATION_SUPPORT = "immigration_support"
    SUBJECT_RIGHTS = "subject_rights"
    OVERSIGHT = "oversight"
    EMERGENCY = "emergency"
    RESEARCH_EVALUATION = "research_evaluation"
    RECORD_CORRECTION = "record_correction"
    EMPLOYMENT_VETTING = "employment_vetting"
    SENTENCE_REVIEW = "sentence_review"
    CURIOSITY = "curiosity"


class Power(StrEnum):
    """Statutory and other powers named in a request."""

    CJA2003_S325 = "cja2003_s325"
    CJA2003_S327A = "cja2003_s327a"
    CDA1998_S115 = "cda1998_s115"
    CDA1998_S17A = "cda1998_s17a"
    OMA2007_S14 = "oma2007_s14"
    CA1989_S47 = "ca1989_s47"
    CA1989_S17 = "ca1989_s17"
    CA2004_S10 = "ca2004_s10"
    CA2004_S11 = "ca2004_s11"
    CA2004_S16LB = "ca2004_s16lb"
    CA2004_S16H = "ca2004_s16h"
    CA2004_S16M = "ca2004_s16m"
    CARE2014_S42 = "care2014_s42"
    CARE2014_S45 = "care2014_s45"
    PCSCA2022_S16 = "pcsca2022_s16"
    PCSCA2022_S44A = "pcsca2022_s44a"
    DEA2017_S35 = "dea2017_s35"
    CTSA2015_S38 = "ctsa2015_s38"
    DVCVA2004_S9 = "dvcva2004_s9"
    COMMON_LAW_POLICE = "common_law_police"
    COURT_ORDER = "court_order"
    CONSENT = "consent"
    PUBLIC_INTEREST = "public_interest"
    VITAL_INTERESTS = "vital_interests"
    MCA2005 = "mca2005"
    UKGDPR_ART15 = "ukgdpr_art15"
    UKGDPR_ART17 = "ukgdpr_art17"
    UKGDPR_ART16_19 = "ukgdpr_art16_19"
    AHRA1990 = "ahra1990"
    MOAS2005_S10 = "moas2005_s10"
    DA2021_S77 = "da2021_s77"
    FGM2003_S5B = "fgm2003_s5b"
    NONE_STATED = "none_stated"


class DpRegime(StrEnum):
    """Which part of data-protection law governs the holder."""

    UK_GDPR = "uk_gdpr"
    PART3 = "part3"


class DpCondition(StrEnum):
    """Data-protection conditions."""

    ART6_1_A_CONSENT = "art6_1_a_consent"
    ART6_1_C_LEGAL_OBLIGATION = "art6_1_c_legal_obligation"
    ART6_1_D_VITAL_INTERESTS = "art6_1_d_vital_interests"
    ART6_1_E_PUBLIC_TASK = "art6_1_e_public_task"
    ART6_1_EA_RECOGNISED_INTEREST = "art6_1_ea_recognised_interest"
    ART6_1_F_LEGITIMATE_INTEREST = "art6_1_f_legitimate_interest"
    SCH1_PARA6_STATUTORY = "sch1_para6_statutory"
    SCH1_PARA10_UNLAWFUL_ACTS = "sch1_para10_unlawful_acts"
    SCH1_PARA18_SAFEGUARDING = "sch1_para18_safeguarding"
    ART9_2_H_CARE = "art9_2_h_care"
    S35_SCH8_PARA4_SAFEGUARDING = "s35_sch8_para4_safeguarding"
    S35_SCH8_PARA1_STATUTORY = "s35_sch8_para1_statutory"


class ConfidenceBasis(StrEnum):
    """Why a duty of confidence does not stand in the way."""

    AGREEMENT = "agreement"
    LAW = "law"
    COURT = "court"
    PUBLIC_INTEREST = "public_interest"
    BEST_INTERESTS = "best_interests"
    NOT_CONFIDENTIAL = "not_confidential"
    NOT_STATED = "not_stated"


class ConsentStatus(StrEnum):
    """Computed state of views or consent."""

    NOT_REQUIRED = "not_required"
    NOT_SOUGHT = "not_sought"
    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    OUT_OF_SCOPE = "out_of_scope"
    INVALID_DURESS = "invalid_duress"
    UNABLE = "unable"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


class RiskLevel(StrEnum):
    """Assessed risk."""

    UNKNOWN = "unknown"
    STANDARD = "standard"
    MEDIUM = "medium"
    HIGH = "high"
    VERY_HIGH = "very_high"
    IMMINENT = "imminent"


class Outcome(StrEnum):
    """What a line comes to."""

    PERMIT = "permit"
    REFER = "refer"
    DENY = "deny"


class Effect(StrEnum):
    """What a rule does."""

    PERMIT = "permit"
    REFER = "refer"
    DENY = "deny"
    OBLIGE = "oblige"


class Stage(StrEnum):
    """Stages of a decision, in order."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"
    G = "G"
    H = "H"


class Origin(StrEnum):
    """Where a circumstance comes from."""

    REGISTRY = "registry"
    DERIVED = "derived"
    DECLARED = "declared"


class Declarer(StrEnum):
    """Who may declare a circumstance."""

    REQUESTER = "requester"
    HOLDER = "holder"
    CHAIR = "chair"
    ADVOCATE = "advocate"
    SAFEGUARDING_LEAD = "safeguarding_lead"
    SUPERVISOR = "supervisor"


class Circumstance(StrEnum):
    """Facts that are there or not."""

    LEAD_AGENCY_MISSING = "lead_agency_missing"
    REQUESTER_NOT_ON_CASE = "requester_not_on_case"
    CONFLICT_DECLARED = "conflict_declared"
    CONFLICT_SUSPECTED = "conflict_suspected"
    PERPETRATOR_EMPLOYED_BY_MEMBER_AGENCY = "perpetrator_employed_by_member_agency"
    NOT_SIGNATORY = "not_signatory"
    SPECIFIED_PERSON = "specified_person"
    VETTING_MISSING = "vetting_missing"
    TRAINING_LAPSED = "training_lapsed"
    AGENCY_NOT_INVOLVED_IN_CASE = "agency_not_involved_in_case"
    RECIPIENT_PERPETRATOR_FACING = "recipient_perpetrator_facing"
    CONTACT_ADDRESS_SHARED_WITH_PERPETRATOR = "contact_address_shared_with_perpetrator"
    SAFE_CONTACT_ON_FILE = "safe_contact_on_file"
    ORIGINATOR_CAVEAT = "originator_caveat"
    ORIGINATOR_AGREED = "originator_agreed"
    AUTHORISING_DECISION_RECORDED = "authorising_decision_recorded"
    AUTHORITY_FROM_SUBJECT = "authority_from_subject"
    NO_AUTHORITY_FROM_SUBJECT = "no_authority_from_subject"
    WRONG_JURISDICTION_GATEWAY = "wrong_jurisdiction_gateway"
    HEALTH_RECORD_ONLINE_ACCESS = "health_record_online_access"
    ROLE_DISPUTED = "role_disputed"
    COMMUNITY_LINK_TO_PERPETRATOR = "community_link_to_perpetrator"
    SELF_APPROVAL = "self_approval"
    REQUESTER_IDENTITY_UNVERIFIED = "requester_identity_unverified"
    DATA_STALE = "data_stale"
    DATA_UNVERIFIED = "data_unverified"
    EXCESS_CATEGORIES = "excess_categories"
    INCOMPATIBLE_PURPOSE = "incompatible_purpose"
    STATUTORY_EXCLUSION = "statutory_exclusion"
    CATEGORY_IRRELEVANT_TO_PURPOSE = "category_irrelevant_to_purpose"
    BULK_REQUEST = "bulk_request"
    WHOLE_DOCUMENT = "whole_document"
    CROSS_BOUNDARY = "cross_boundary"
    OUT_OF_HOURS = "out_of_hours"
    THIRD_PARTY_DISCLOSURE = "third_party_disclosure"
    INTERNAL_TO_ATTENDEE_AGENCY = "internal_to_attendee_agency"
    OUTSIDE_AGENCY_NO_CHAIR_AGREEMENT = "outside_agency_no_chair_agreement"
    ATTENDED_ONE_ITEM_ONLY = "attended_one_item_only"
    RECIPIENT_IS_PERPETRATOR = "recipient_is_perpetrator"
    RECIPIENT_IS_FAMILY_OR_ASSOCIATE = "recipient_is_family_or_associate"
    SUBJECT_DECEASED = "subject_deceased"
    VIR_TESTS_COMPLETE = "vir_tests_complete"
    VIR_TESTS_INCOMPLETE = "vir_tests_incomplete"
    SUBJECT_ACCESS_REQUEST = "subject_access_request"
    ERASURE_REQUEST = "erasure_request"
    REQUEST_WITHOUT_ORDER = "request_without_order"
    COMMENCEMENT_UNCONFIRMED = "commencement_unconfirmed"
    MANDATORY_REQUEST = "mandatory_request"
    GENERAL_PUBLICATION = "general_publication"
    APPLICANT_NOT_BEST_PLACED = "applicant_not_best_placed"
    IMMINENT_THREAT_TO_LIFE = "imminent_threat_to_life"
    CHILD_IN_HOUSEHOLD = "child_in_household"
    SIGNIFICANT_HARM_THRESHOLD = "significant_harm_threshold"
    NO_HARM_THRESHOLD = "no_harm_threshold"
    ONLY_SUBJECT_AT_RISK = "only_subject_at_risk"
    OTHERS_AT_RISK = "others_at_risk"
    PROFESSIONAL_JUDGEMENT_RECORDED = "professional_judgement_recorded"
    ESCALATION_PATTERN = "escalation_pattern"
    INFORMING_SUBJECT_UNSAFE = "informing_subject_unsafe"
    PERPETRATOR_PRESENT = "perpetrator_present"
    PRESUMPTION_TO_DISCLOSE = "presumption_to_disclose"
    COURT_ORDER_MADE = "court_order_made"
    MALICIOUS_PERSON_GROUND = "malicious_person_ground"
    DISCLOSURE_MORE_DETRIMENTAL_TO_CHILD = "disclosure_more_detrimental_to_child"
    PARENTAL_RESPONSIBILITY = "parental_responsibility"
    SERIOUS_HARM_POSSIBLE = "serious_harm_possible"
    BEST_INTERESTS_RECORDED = "best_interests_recorded"
    DATA_FOUND_WRONG = "data_found_wrong"


class Obligation(StrEnum):
    """What goes with an outcome."""

    LOG_DECISION_AND_REASON = "log_decision_and_reason"
    ENCRYPT_PER_RECIPIENT = "encrypt_per_recipient"
    MARK_CLASSIFICATION = "mark_classification"
    NO_ONWARD_WITHOUT_ORIGINATOR = "no_onward_without_originator"
    RELEASE_ONLY_LISTED = "release_only_listed"
    SAFE_CONTACT_ONLY = "safe_contact_only"
    NEVER_INFORM_PERPETRATOR = "never_inform_perpetrator"
    RESTRICTED_FILE_SECTION = "restricted_file_section"
    HIDE_FROM_ONLINE_RECORD = "hide_from_online_record"
    INFORM_SUBJECT = "inform_subject"
    INFORM_SUBJECT_WHEN_SAFE = "inform_subject_when_safe"
    RECORD_OVERRIDE_REASONS = "record_override_reasons"
    RETROSPECTIVE_REVIEW_NEXT_WORKING_DAY = "retrospective_review_next_working_day"
    SECOND_PERSON_CHECK = "second_person_check"
    VERIFY_BEFORE_USE = "verify_before_use"
    PROVENANCE_AND_DATE = "provenance_and_date"
    RECIPIENT_UNDERTAKING = "recipient_undertaking"
    DELIVER_IN_PERSON = "deliver_in_person"
    CHILD_SAFEGUARDING_REFERRAL = "child_safeguarding_referral"
    OFFER_SUPPORT = "offer_support"
    EXPIRY_AND_REVIEW = "expiry_and_review"
    DELETE_OR_RETURN_AT_END = "delete_or_return_at_end"
    NOTIFY_ADVOCATE = "notify_advocate"
    NOTIFY_PRIOR_RECIPIENTS = "notify_prior_recipients"
    RESTRICTED_CIRCULATION = "restricted_circulation"
    CONFIRM_RECEIPT = "confirm_receipt"
    REDACT_THIRD_PARTIES = "redact_third_parties"
    ACTION_OWNER_AND_DUE_DATE = "action_owner_and_due_date"
    CHAIR_NOTIFIED = "chair_notified"
    LEGAL_ADVICE = "legal_advice"
    FACT_VS_OPINION = "fact_vs_opinion"
    RECORD_NON_DISCLOSURE_REASON = "record_non_disclosure_reason"
    REFERENCE_NUMBER_ONLY = "reference_number_only"
    STATUTORY_RECORD = "statutory_record"
    SEEK_SUBJECT_VIEWS = "seek_subject_views"
    NOTICE_TO_VICTIM = "notice_to_victim"
    NAMED_RECIPIENT_ONLY = "named_recipient_only"
    DEPERSONALISE = "depersonalise"
    LOG_KEPT_AFTER_ERASURE = "log_kept_after_erasure"
    REASSESS_RISK = "reassess_risk"
    NO_COPYING = "no_copying"


class Role(StrEnum):
    """Roles of posts, authorisers among them."""

    REQUESTING_OFFICER = "requesting_officer"
    OFFENDER_MANAGER = "offender_manager"
    PUBLIC_PROTECTION_OFFICER = "public_protection_officer"
    DOMESTIC_ABUSE_OFFICER = "domestic_abuse_officer"
    VICTIM_LIAISON_OFFICER = "victim_liaison_officer"
    IDVA = "idva"
    ISVA = "isva"
    ADVOCATE = "advocate"
    PARTNER_SUPPORT_WORKER = "partner_support_worker"
    GROUP_FACILITATOR = "group_facilitator"
    SOCIAL_WORKER = "social_worker"
    HOUSING_OFFICER = "housing_officer"
    HEALTH_PRACTITIONER = "health_practitioner"
    DESIGNATED_LEAD = "designated_lead"
    MAPPA_SPOC = "mappa_spoc"
    MAPPA_ADMINISTRATOR = "mappa_administrator"
    MARAC_REPRESENTATIVE = "marac_representative"
    MARAC_COORDINATOR = "marac_coordinator"
    KEY_WORKER = "key_worker"
    REVIEW_AUTHOR = "review_author"
    CONTROL_ROOM_INSPECTOR = "control_room_inspector"
    DELIVERING_OFFICER = "delivering_officer"
    REGISTRAR = "registrar"
    OPERATOR = "operator"
    MAPPA_CHAIR = "mappa_chair"
    MAPPA_COORDINATOR = "mappa_coordinator"
    RESPONSIBLE_AUTHORITY_LEAD = "responsible_authority_lead"
    LEAD_AGENCY_MANAGER = "lead_agency_manager"
    LEAD_AGENCY_CASE_MANAGER = "lead_agency_case_manager"
    MARAC_CHAIR = "marac_chair"
    PANEL_CHAIR = "panel_chair"
    VISOR_RECORD_OWNER = "visor_record_owner"
    IG_OFFICER = "ig_officer"
    SERVICE_IG_LEAD = "service_ig_lead"
    CALDICOTT_GUARDIAN = "caldicott_guardian"
    LEGAL_ADVISER = "legal_adviser"
    POLICE_SENIOR_OFFICER = "police_senior_officer"
    POLICE_DECISION_MAKER = "police_decision_maker"
    DATA_PROTECTION_OFFICER = "data_protection_officer"
    PROFESSIONAL_STANDARDS = "professional_standards"
    TEAM_MANAGER = "team_manager"
    SAFEGUARDING_LEAD = "safeguarding_lead"
    ORIGINATOR_CONTACT = "originator_contact"
    GATEWAY_MANAGER = "gateway_manager"
    ON_CALL_AUTHORISER = "on_call_authoriser"


ENUMS: Mapping[str, type[StrEnum]] = MappingProxyType(
    {
        "jurisdiction": Jurisdiction,
        "arrangement": Arrangement,
        "agency_type": AgencyType,
        "duty": Duty,
        "orientation": Orientation,
        "subject_role": SubjectRole,
        "age_band": AgeBand,
        "capacity": Capacity,
        "sensitivity": Sensitivity,
        "category": Category,
        "purpose": Purpose,
        "power": Power,
        "dp_regime": DpRegime,
        "dp_condition": DpCondition,
        "confidence_basis": ConfidenceBasis,
        "consent_status": ConsentStatus,
        "risk_level": RiskLevel,
        "outcome": Outcome,
        "effect": Effect,
        "stage": Stage,
        "origin": Origin,
        "declarer": Declarer,
        "circumstance": Circumstance,
        "obligation": Obligation,
        "role": Role,
    }
)


@dataclass(frozen=True)
class CategoryTerm:
    """A kind of information: its label, sensitivity class, data-protection regime and how to handle it."""

    label: str
    sensitivity: Sensitivity
    regime: str
    handling: str


@dataclass(frozen=True)
class CircumstanceTerm:
    """A circumstance: where it comes from, who may declare it, whether it loosens, whether it is a protected fact."""

    label: str
    origin: Origin
    declared_by: frozenset[Declarer]
    loosens: bool
    reviewed: bool
    protected: bool


@dataclass(frozen=True)
class ObligationTerm:
    """An obligation: ``kind`` is enforced, undertaken or task; ``owner`` and ``days`` belong to tasks and expiries."""

    label: str
    kind: str
    owner: str | None
    days: int | None
    default: bool
    protected: bool


@dataclass(frozen=True)
class RoleTerm:
    """A role of a post; ``authorises`` when decisions may be referred to it, ``said_as`` how guidance names it."""

    label: str
    orientation: Orientation
    authorises: bool
    said_as: tuple[str, ...]


@dataclass(frozen=True)
class PowerTerm:
    """A power or duty and the territory whose law it is (``UK`` and ``GB`` as well as the jurisdictions)."""

    label: str
    jurisdiction: str


@dataclass(frozen=True)
class DefaultBasis:
    """Suggested data-protection regime and condition, and confidence basis, with its source in law."""

    dp_regime: DpRegime
    dp_condition: DpCondition
    confidence_basis: ConfidenceBasis
    source: str


class Vocabulary:
    """The loaded vocabulary. Immutable; one per process through :func:`vocabulary`."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self.categories = MappingProxyType({Category(k): _category(v) for k, v in raw["category"].items()})
        self.circumstances = MappingProxyType(
            {Circumstance(k): _circumstance(v) for k, v in raw["circumstance"].items()}
        )
        self.obligations = MappingProxyType(
            {Obligation(k): _obligation(v) for k, v in raw["obligation"].items()}
        )
        self.roles = MappingProxyType({Role(k): _role(v) for k, v in raw["role"].items()})
        self.powers = MappingProxyType(
            {Power(k): PowerTerm(v["label"], v["jurisdiction"]) for k, v in raw["power"].items()}
        )
        self.risk_order = MappingProxyType(
            {RiskLevel(k): int(v["order"]) for k, v in raw["risk_level"].items()}
        )
        self.default_obligations = frozenset(k for k, v in self.obligations.items() if v.default)

    def attributes(self) -> tuple[str, ...]:
        """Names of the term tables, such as ``category`` and ``purpose``."""
        return tuple(ENUMS)

    def terms(self, attribute: str) -> tuple[str, ...]:
        """Every term of one table, in its order. Raises KeyError for a table that is not there."""
        return tuple(self._raw[attribute])

    def knows(self, attribute: str, term: str) -> bool:
        """Whether ``term`` is a word of that table."""
        return term in self._raw.get(attribute, ())

    def label(self, attribute: str, term: str) -> str:
        """The label in words of a term. Raises KeyError when the term is unknown."""
        return str(self._raw[attribute][term]["label"])

    def choices(self, attribute: str) -> list[tuple[str, str]]:
        """Pairs of term and label, for a pick list."""
        return [(term, str(entry["label"])) for term, entry in self._raw[attribute].items()]

    def chair(self, arrangement: str) -> Role:
        """The role that chairs an arrangement, to whom its referrals go. Raises KeyError when it is unknown."""
        return Role(self._raw["arrangement"][arrangement]["chair"])

    def default_basis(self, body: str, power: str) -> DefaultBasis | None:
        """Sourced default for a holder of that agency type using that power, or None when there is none.

        Bodies listed in DPA 2018 Schedule 7 decide under Part 3, every other under UK GDPR.
        """
        entry = self._raw["default_basis"]["power"].get(power)
        if entry is None:
            return None
        regime = self._raw["default_basis"]["body"].get(
            body, {"dp_regime": "uk_gdpr", "source": "UK GDPR art 2"}
        )
        part3 = regime["dp_regime"] == DpRegime.PART3
        return DefaultBasis(
            DpRegime(regime["dp_regime"]),
            DpCondition(entry["part3_condition"] if part3 else entry["dp_condition"]),
            ConfidenceBasis(entry["confidence_basis"]),
            f"{entry['source']}; {regime['source']}",
        )


def _category(entry: Mapping[str, Any]) -> CategoryTerm:
    return CategoryTerm(entry["label"], Sensitivity(entry["sensitivity"]), entry["regime"], entry["handling"])


def _circumstance(entry: Mapping[str, Any]) -> CircumstanceTerm:
    return CircumstanceTerm(
        entry["label"],
        Origin(entry["origin"]),
        frozenset(Declarer(name) for name in entry.get("declared_by", ())),
        bool(entry.get("loosens", False)),
        bool(entry.get("reviewed", False)),
        bool(entry.get("protected", False)),
    )


def _obligation(entry: Mapping[str, Any]) -> ObligationTerm:
    return ObligationTerm(
        entry["label"],
        entry["kind"],
        entry.get("owner"),
        entry.get("days"),
        bool(entry.get("default", False)),
        bool(entry.get("protected", False)),
    )


def _role(entry: Mapping[str, Any]) -> RoleTerm:
    return RoleTerm(
        entry["label"],
        Orientation(entry["orientation"]),
        bool(entry.get("authorises", False)),
        tuple(entry.get("said_as", ())),
    )


def policies_dir() -> Path:
    """Where the shipped policies lie: beside the package in a checkout, inside it when installed as a wheel."""
    package = Path(__file__).resolve().parent
    beside = package.parent / "policies"
    return beside if (beside / "core.toml").is_file() else package / "shipped" / "policies"


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary of this installation. Raises OSError or ValueError when it cannot be read: nothing starts."""
    with (policies_dir() / "vocabulary.toml").open("rb") as file:
        return Vocabulary(tomllib.load(file))
